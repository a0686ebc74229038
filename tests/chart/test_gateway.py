"""The gateway's routes: timeouts, and the pages that it serves itself."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cift.generate.chart import GATEWAY_PAGES, kebab, page_file
from cift.host.loading import load_functions
from tests.chart.helm import Object, environment, named, render

WARM_EXTRA_S = 5
"""What the gateway adds to the timeout of a function that always has a pod."""


def host(**values: Any) -> Object:
    config = named(render(**values), "ConfigMap", "cift-gateway")
    listener = yaml.safe_load(config["data"]["envoy.yaml"])["static_resources"]["listeners"][0]
    connection = listener["filter_chains"][0]["filters"][0]["typed_config"]
    found: Object = connection["route_config"]["virtual_hosts"][0]
    return found


def routes(**values: Any) -> list[Object]:
    found: list[Object] = host(**values)["routes"]
    return found


def test_only_functions_without_pods_get_time_to_start_one() -> None:
    warm = {kebab(function) for function in load_functions() if function.scale.min > 0}
    seconds = {
        each["route"]["host_rewrite_literal"].partition(".")[0]: int(each["route"]["timeout"][:-1])
        for each in routes(gateway={"coldStartSeconds": 100})
        if "route" in each and "upgrade_configs" not in each["route"]
    }
    assert "trading-place-order" in warm and len(seconds) > 40
    for function in load_functions():
        if kebab(function) in seconds:
            extra = WARM_EXTRA_S if kebab(function) in warm else 100
            assert seconds[kebab(function)] == function.timeout_s + extra, function.name


def test_pages_are_served_from_the_gateways_image() -> None:
    served = {
        each["match"]["path"]: each
        for each in routes()
        if each.get("direct_response", {}).get("body", {}).get("filename")
    }
    assert set(served) == set(GATEWAY_PAGES)
    for path, route in served.items():
        assert route["direct_response"]["body"]["filename"] == f"/pages/{page_file(path)}"
        headers = {
            each["header"]["key"]: each["header"]["value"] for each in route["response_headers_to_add"]
        }
        assert headers["content-type"] == GATEWAY_PAGES[path]


@pytest.mark.parametrize(
    ("gateway", "url"),
    [
        ({}, "http://cift-gateway.exchange.svc.cluster.local"),
        (
            {"service": {"port": 8000}, "hosts": ["x.example.org"]},
            "http://cift-gateway.exchange.svc.cluster.local:8000",
        ),
        ({"tls": {"secretName": "mine"}}, "https://cift-gateway.exchange.svc.cluster.local"),
        ({"tls": {"secretName": "mine"}, "hosts": ["x.example.org"]}, "https://x.example.org"),
    ],
)
def test_the_operators_url_is_one_that_the_gateway_serves(gateway: Object, url: str) -> None:
    """The gateway serves this Host, on the Service's only port."""
    rendered = render(gateway=gateway)
    assert environment(named(rendered, "Deployment", "cift-operator"))["CIFT_OPERATOR_URL"] == url
    at = urlsplit(url)
    (port,) = named(rendered, "Service", "cift-gateway")["spec"]["ports"]
    assert (port["name"], port["port"]) == (at.scheme, at.port or {"http": 80, "https": 443}[at.scheme])
    served = host(gateway=gateway)["domains"]
    assert "*" in served or at.hostname in served
