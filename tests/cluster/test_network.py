"""The NetworkPolicies, held against the connections that pods really make: this cluster's network does not
enforce them, so what they would cut is seen before it is."""

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

LOOKS = 20
LOOK_EVERY_S = 0.25
CALLS = ("/api/v1/market-data/symbols", "/api/v1/trading/orders", "/ready", "/health")
# What is certainly there whenever the exchange is: who, to whom, at which port.
CERTAIN = {("matchd", "nats", 4222), ("operator", "postgres", 5432)}
BROUGHT = {("relay", "nats", 4222), ("trading-project-orders", "postgres", 5432)}


def rendered(release: Release, nodes: list[Object]) -> list[Object]:
    """The chart with its policies, for a cluster whose DNS and ingress live on its nodes."""
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


def seen(release: Release) -> tuple[set[Connection], list[Object]]:
    """The connections of the release's pods while somebody calls, and every pod that there was."""
    found: set[Connection] = set()
    pods: dict[str, Object] = {}
    with httpx.Client(base_url=release.url, timeout=60) as client:
        for look in range(LOOKS):
            client.get(CALLS[look % len(CALLS)])
            everybody = json.loads(release.cluster.kubectl("get", "pods", "-A", "-o", "json").stdout)["items"]
            pods |= {each["metadata"]["uid"]: each for each in everybody}
            ours = [each for each in everybody if each["metadata"]["namespace"] == NAMESPACE]
            found |= of_pods(tables(ours))
            time.sleep(LOOK_EVERY_S)
    return set(through_services(release, found)), list(pods.values())


def test_no_policy_would_cut_a_connection_that_is_made(release: Release, faults: TestCluster) -> None:
    nodes = json.loads(release.cluster.kubectl("get", "nodes", "-o", "json").stdout)["items"]
    policies = [each for each in rendered(release, nodes) if each["kind"] == "NetworkPolicy"]
    network = Network(policies, NAMESPACE)
    closed = Network([each for each in policies if each["spec"]["podSelector"] == {}], NAMESPACE)
    connections, pods = seen(release)
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
    # All nodes are this machine.
    own = {each.address for found in psutil.net_if_addrs().values() for each in found}
    told: set[tuple[str, str, int]] = set()
    cut: set[tuple[str, str, int]] = set()
    for each in connections:
        if each.source in own:
            continue  # a node's: kubelets' probes, and these tests
        source, target = (
            ends.get(address, End(address, address=address)) for address in (each.source, each.target)
        )
        mark = (source.name, target.name, each.port)
        told.add(mark)
        assert not closed.allowed(source, target, each.port), f"no policy is needed for {mark}?"
        if not network.allowed(source, target, each.port):
            cut.add(mark)
    certain = CERTAIN | (BROUGHT if release.pods("relay") else set())
    assert told >= certain, f"the kernel was not read right: {sorted(told)}"
    assert not cut, f"the policies would cut {sorted(cut)}"
    print(f"   {len(told)} kinds of connections, all let through", flush=True)
