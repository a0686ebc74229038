"""A new installation: everything is ready, functions without calls have no pod, the engine has its nodes."""

import json
import re
from collections.abc import Callable

import httpx

from tests.cluster.release import NAME, Release, functions, pages
from tests.stack import ROOT
from tests.streams.client import Client
from tests.target import eventually
from tests.venue import Venue

OPENAPI = ROOT / "functions" / "openapi.gen.json"
CALLED = {name for name, each in functions().items() if each["kind"] == "http"}
"""Functions that HTTP clients call. relay calls the others, some of them every few seconds."""
DEPLOYMENTS = ("ws", "daemon")
"""Kinds that are Deployments. The daemons are the outside market, which these tests do not run."""
WARM = {name for name, each in functions().items() if each["scale"]["min"] > 0 and each["kind"] != "daemon"}


def test_the_chart_installs_into_an_empty_cluster(bare: Release, add_figure: Callable[[str], None]) -> None:
    if bare.is_current:
        add_figure("install: the release was already installed")
        return
    add_figure(f"helm install until everything is ready: {bare.install():.1f} s")


def test_everything_is_ready(release: Release) -> None:
    release.wait_ready()
    services = release.get("ksvc")["items"]
    wanted = {name for name, each in functions().items() if each["kind"] not in DEPLOYMENTS}
    assert {each["metadata"]["name"] for each in services} == wanted
    for each in services:
        conditions = {c["type"]: c["status"] for c in each["status"]["conditions"]}
        assert conditions["Ready"] == "True", each["metadata"]["name"]
        assert each["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"


def test_functions_without_calls_have_no_pod(release: Release) -> None:
    def only_warm() -> bool:
        pods = {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in release.pods()}
        return not pods & (CALLED - WARM)

    eventually(only_warm, f"of the HTTP functions only {sorted(WARM & CALLED)} have pods", 240, poll_s=2)
    for name in WARM:
        assert release.pods(name), f"{name} must be kept warm"


def test_the_engine_has_whole_cores_on_its_own_nodes(release: Release) -> None:
    engines = release.pods("matchd")
    nodes = {pod["spec"]["nodeName"] for pod in engines}
    assert len(engines) == 2 and len(nodes) == 2, f"leader and standby on two nodes: {nodes}"
    for pod in engines:
        assert pod["status"]["qosClass"] == "Guaranteed"
        cpu = pod["spec"]["containers"][0]["resources"]["limits"]["cpu"]
        assert float(cpu) == int(float(cpu)) >= 1, "the static CPU manager pins only whole cores"
    for name in nodes:
        node = json.loads(release.cluster.kubectl("get", "node", name, "-o", "json").stdout)
        assert node["metadata"]["labels"]["cift.markets/dedicated"] == "matching"
        others = json.loads(
            release.cluster.kubectl(
                "get", "pods", "-A", "-o", "json", f"--field-selector=spec.nodeName={name}"
            ).stdout
        )["items"]
        assert [pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in others] == ["matchd"]


def test_errors_of_the_gateway_have_the_apis_format(release: Release) -> None:
    with httpx.Client(base_url=release.url, timeout=60) as http:
        for method, path, status, code in (
            ("GET", "/nothing", 404, "not_found"),
            ("PUT", "/api/v1/trading/orders", 405, "method_not_allowed"),
            ("POST", "/api/v1/auth/login", 413, "body_too_large"),
        ):
            body = b"x" * 200_000 if status == 413 else None
            response = http.request(method, path, content=body)
            error = response.json()
            assert (response.status_code, error["code"]) == (status, code), response.text
            assert error["request_id"] == response.headers["x-request-id"] != ""
            assert response.headers["x-cift-origin"] == "gateway"
        named = http.get("/health", headers={"x-request-id": "mine"})
        assert named.headers["x-request-id"] == "mine"
        assert named.headers["x-cift-origin"] == "platform.health"


def test_the_gateway_serves_the_documentation(release: Release) -> None:
    """/docs and what it loads, as on one machine, without starting a function."""
    with httpx.Client(base_url=release.url, timeout=60) as http:
        for path, page in pages().items():
            response = http.get(path)
            assert response.status_code == 200, path
            assert response.headers["content-type"] == page["media"], path
            assert response.headers["x-cift-origin"] == "gateway", path
        for asset in re.findall(r'(?:src|href)="(/[^"]+)"', http.get("/docs").text):
            assert asset in pages(), asset
        assert http.get("/openapi.json").json() == json.loads(OPENAPI.read_text())
        refused = http.post("/docs")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_streams_pass_the_gateway(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    async with await Client.open(venue.exchange.url, headers=user.key) as client:
        await client.subscribe(symbol, channels=["quotes", "trades"])
        await client.subscribe(channels=["orders"])
        order = await venue.order(user, symbol, quantity="5", limit_price="99.5")
        assert (await client.until("order", change="accepted"))["order_id"] == order["id"]
        await venue.market(venue.user(), symbol, "sell", "2")
        assert (await client.until("trade"))["price"] == "99.5"


def test_helm_lists_both_releases(release: Release) -> None:
    assert release.status == "deployed"
    listed = json.loads(release.helm("list", "--all-namespaces", "--output", "json").stdout)
    assert {each["name"] for each in listed} == {NAME, f"{NAME}-crds"}
