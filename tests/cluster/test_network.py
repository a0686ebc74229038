"""Every connection that a pod opens is allowed by the chart's NetworkPolicies.

The test cluster's network does not enforce policies, so a connection that they would block is observable."""

import json
import time

import httpx
import psutil
import yaml

from tests.chart.network import End, Network
from tests.cluster.connections import Connection, of_pods, tables, through_services
from tests.cluster.machine import TestCluster
from tests.cluster.release import CHART, NAME, NAMESPACE, Release
from tests.operators.cluster import Object

SAMPLES = 20
SAMPLE_EVERY_S = 0.25
CALLS = ("/api/v1/market-data/symbols", "/api/v1/trading/orders", "/ready", "/health")
# Connections (source, target, port) that always exist while the exchange runs, and those with relay.
ALWAYS = {("matchd", "nats", 4222), ("operator", "postgres", 5432)}
WITH_RELAY = {("relay", "nats", 4222), ("trading-project-journal", "postgres", 5432)}


def rendered(release: Release, nodes: list[Object]) -> list[Object]:
    """The chart with its policies, for a cluster whose DNS and ingress run on its nodes."""
    addresses = [
        each["address"]
        for node in nodes
        for each in node["status"]["addresses"]
        if each["type"] == "InternalIP"
    ]
    cidrs = "{" + ",".join(f"{address}/32" for address in addresses) + "}"
    sets = (
        "networkPolicy.enabled=true",
        *(f"networkPolicy.{part}.cidrs={cidrs}" for part in ("dns", "ingress")),
    )
    done = release.helm(
        *("template", NAME, str(CHART), "--namespace", NAMESPACE, "--kube-version", "1.31.0"),
        *release.values(*sets),
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def observe(release: Release) -> tuple[set[Connection], list[Object]]:
    """The connections of the release's pods during requests, and all pods that existed."""
    found: set[Connection] = set()
    pods: dict[str, Object] = {}
    with httpx.Client(base_url=release.url, timeout=60) as client:
        for sample in range(SAMPLES):
            client.get(CALLS[sample % len(CALLS)])
            present = json.loads(release.cluster.kubectl("get", "pods", "-A", "-o", "json").stdout)["items"]
            pods |= {each["metadata"]["uid"]: each for each in present}
            ours = [each for each in present if each["metadata"]["namespace"] == NAMESPACE]
            found |= of_pods(tables(ours))
            time.sleep(SAMPLE_EVERY_S)
    return set(through_services(release, found)), list(pods.values())


def test_no_policy_would_block_a_real_connection(release: Release, faults: TestCluster) -> None:
    nodes = json.loads(release.cluster.kubectl("get", "nodes", "-o", "json").stdout)["items"]
    policies = [each for each in rendered(release, nodes) if each["kind"] == "NetworkPolicy"]
    network = Network(policies, NAMESPACE)
    default_only = Network([each for each in policies if each["spec"]["podSelector"] == {}], NAMESPACE)
    connections, pods = observe(release)
    ends = {
        each["status"]["podIP"]: End(
            each["metadata"]["labels"].get("app.kubernetes.io/name", each["metadata"]["name"]),
            each["metadata"]["namespace"],
            each["metadata"]["labels"],
            each["status"]["podIP"],
        )
        for each in pods
        if each["status"].get("podIP")
    }
    # The cluster's nodes are processes of this machine, so its addresses are those of the nodes.
    node_addresses = {each.address for found in psutil.net_if_addrs().values() for each in found}
    seen: set[tuple[str, str, int]] = set()
    blocked: set[tuple[str, str, int]] = set()
    for each in connections:
        if each.source in node_addresses:
            continue  # a probe of a kubelet, or a request of this test: no policy applies
        source, target = (
            ends.get(address, End(address, address=address)) for address in (each.source, each.target)
        )
        kind = (source.name, target.name, each.port)
        seen.add(kind)
        assert not default_only.allowed(source, target, each.port), f"the default policy allows {kind}"
        if not network.allowed(source, target, each.port):
            blocked.add(kind)
    always = ALWAYS | (WITH_RELAY if release.pods("relay") else set())
    assert seen >= always, f"connections are missing, only these were found: {sorted(seen)}"
    assert not blocked, f"the policies would block {sorted(blocked)}"
    print(f"   {len(seen)} kinds of connections, all allowed", flush=True)
