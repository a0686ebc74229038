"""The gateway's routes: how long a caller waits, and the pages that it answers itself."""

from typing import Any

import yaml

from cift.generate.chart import GATEWAY_PAGES, kebab, page_file
from cift.host.doors import load_doors
from tests.chart.helm import Object, render

WAY_S = 5


def routes(**values: Any) -> list[Object]:
    (config,) = [
        each
        for each in render(**values)
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "cift-gateway"
    ]
    listener = yaml.safe_load(config["data"]["envoy.yaml"])["static_resources"]["listeners"][0]
    connection = listener["filter_chains"][0]["filters"][0]["typed_config"]
    found: list[Object] = connection["route_config"]["virtual_hosts"][0]["routes"]
    return found


def test_only_who_may_sleep_has_time_to_wake() -> None:
    warm = {kebab(door) for door in load_doors() if door.scale.min > 0}
    seconds = {
        each["route"]["host_rewrite_literal"].partition(".")[0]: int(each["route"]["timeout"][:-1])
        for each in routes(gateway={"coldStartSeconds": 100})
        if "route" in each and "upgrade_configs" not in each["route"]
    }
    assert "trading-place-order" in warm and len(seconds) > 40
    for door in load_doors():
        if kebab(door) in seconds:
            wake = WAY_S if kebab(door) in warm else 100
            assert seconds[kebab(door)] == door.timeout_s + wake, door.name


def test_pages_are_read_from_its_image() -> None:
    answered = {
        each["match"]["path"]: each
        for each in routes()
        if each.get("direct_response", {}).get("body", {}).get("filename")
    }
    assert set(answered) == set(GATEWAY_PAGES)
    for path, route in answered.items():
        assert route["direct_response"]["body"]["filename"] == f"/pages/{page_file(path)}"
        headers = {
            each["header"]["key"]: each["header"]["value"] for each in route["response_headers_to_add"]
        }
        assert headers["content-type"] == GATEWAY_PAGES[path]
