"""The chart's NetworkPolicies allow exactly the connections that the declarations need.

Checked for every pair of pods and every port on which one of our processes listens."""

from collections.abc import Iterator
from typing import Any

import pytest

from cift.function import Function
from cift.generate.chart import kebab
from cift.generate.needs import needs
from cift.host.loading import load_functions
from tests.chart.helm import NAMESPACE, Object, render, secrets, templates
from tests.chart.network import End, Network, allowed, pods

FUNCTIONS: dict[str, Function] = {kebab(function): function for function in load_functions()}
STORES = {"postgres": 5432, "pooler": 6432, "nats": 4222, "valkey": 6379}
REACH = {
    **{
        name: {"pooler" if store == "postgres" else store for store in needs(function)} & set(STORES)
        for name, function in FUNCTIONS.items()
    },
    "pooler": {"postgres"},
    "matchd": {"nats"},
    "relay": {"nats"},
    "operator": {"postgres", "nats", "valkey"},
    "migrate": {"postgres"},
    "journal": {"nats"},
    "backup": {"postgres", "nats"},
}
INSIDE = {**STORES, "clickhouse": 8123}
ANALYTICS = {"clickhouse": (8123, 8443), "questdb": (8812, 9000)}
API_CLIENTS = {"operator", "secrets", "journal", "wait"}
PORTS = (
    22,
    53,
    80,
    443,
    4222,
    5432,
    6222,
    6379,
    6432,
    6443,
    *(8012, 8013, 8022, 8080, 8081, 8123, 8222, 8443, 8812, 9000),
    *range(9090, 9104),
)
API_PORTS = (443, 6443)

ACTIVATOR = End("activator", "knative-serving", {"app": "activator"})
INGRESS = End("ingress", "kourier-system", {"app": "3scale-kourier-gateway"})
RESOLVER = End("dns", "kube-system", {"k8s-app": "kube-dns"})
SYSTEM = End("other", "kube-system", {"k8s-app": "other"})
NEIGHBOUR = End("neighbour", NAMESPACE, {"app": "neighbour"})
IMPOSTOR = End("nats", "elsewhere", {"app.kubernetes.io/name": "nats", "app.kubernetes.io/instance": "cift"})
ANYWHERE = End("internet", address="203.0.113.9")
STRANGERS = (ACTIVATOR, INGRESS, RESOLVER, SYSTEM, NEIGHBOUR, IMPOSTOR, ANYWHERE)

CLUSTERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "knative": ((), {}),
    "development": (("values-dev.yaml",), {}),
    "deployments": ((), {"mode": "deployment"}),
    "one deployment": ((), {"functions": {"trading-place-order": {"mode": "deployment"}}}),
    "three of NATS": ((), {"nats": {"replicas": 3}}),
    "no pooler": ((), {"pooler": {"enabled": False}, "postgres": {"maxConnections": 600}}),
    "no operator": ((), {"operator": {"enabled": False}}),
    "ClickHouse": ((), {"clickhouse": {"url": "http://clickhouse.example.org:8123"}}),
    "QuestDB": ((), {"questdb": {"url": "postgresql://questdb.example.org:8812/qdb"}}),
    "backups": ((), {"backup": {"enabled": True}}),
    "production": (("values-production.yaml",), {}),
}


@pytest.fixture(params=list(CLUSTERS))
def cluster(request: pytest.FixtureRequest) -> list[Object]:
    files, values = CLUSTERS[request.param]
    return render(*files, **{"market": {"source": "replay"}, **values})


def deployments(rendered: list[Object]) -> set[str]:
    """Names of the functions that are Deployments."""
    return {
        each["metadata"]["name"]
        for each in rendered
        if each["kind"] == "Deployment" and each["metadata"]["name"] in FUNCTIONS
    }


def expected(
    source: End, target: End, port: int, *, here: set[str], deployed: set[str], knative: bool
) -> bool:
    """Whether the declarations need this connection.

    `here`: names of the pods and traits of the installation; `deployed`: functions that are Deployments."""
    ours = source.namespace == NAMESPACE and source is not NEIGHBOUR
    if target.namespace != NAMESPACE:
        assert source.namespace == NAMESPACE, "pairs without a pod of ours are not checked"
        if not ours:
            return False
        if target is RESOLVER:
            without_dns = INSIDE.keys() - {"pooler"} - ({"nats"} if three(here) else set())
            return port == 53 and source.name not in without_dns
        if target is INGRESS:
            callers = {"gateway", "relay"} if knative else set()
            return port == 8081 and source.name in callers
        if target is ANYWHERE:
            if source.name in API_CLIENTS and port in API_PORTS:
                return True
            wanted = needs(FUNCTIONS[source.name]) if source.name in FUNCTIONS else frozenset()
            if any(s in wanted and f"{s} outside" in here and port in ANALYTICS[s] for s in ANALYTICS):
                return True
            return any(port == STORES[store] and store not in here for store in stores_of(source.name, here))
        return False
    if target is NEIGHBOUR:
        return False
    name = target.name
    if name == "gateway":
        return port == 8080 and source.namespace != NAMESPACE
    if name in INSIDE:
        if name == "nats" and port == 6222:
            return ours and source.name == "nats" and three(here)
        reached = stores_of(source.name, here) | (
            needs(FUNCTIONS[source.name]) & {"clickhouse"} if source.name in FUNCTIONS else set()
        )
        return ours and port == INSIDE[name] and name in reached
    if name in deployed:
        caller = {"http": "gateway", "ws": "gateway", "on": "relay", "every": "relay"}.get(
            FUNCTIONS[name].kind
        )
        return ours and port == 8080 and source.name == caller
    if name in FUNCTIONS:
        return port in (8012, 8013, 9090) and source in (ACTIVATOR, INGRESS)
    return False


def stores_of(name: str, here: set[str]) -> set[str]:
    """The stores that a pod connects to. Without a pooler, functions connect to PostgreSQL itself."""
    found = set(REACH.get(name, ()))
    return found if "pooler" in here else {"postgres" if each == "pooler" else each for each in found}


def three(here: set[str]) -> bool:
    return "three of NATS" in here


def cases(rendered: list[Object]) -> Iterator[tuple[End, End, int, bool]]:
    """Every pair with at least one pod of ours, every port, and whether the connection must be allowed."""
    ours = pods(rendered)
    here = {pod.name for pod in ours}
    for each in rendered:
        if each["kind"] == "StatefulSet" and each["spec"]["replicas"] == 3:
            here.add("three of NATS")
        text = str(each)
        here |= {
            f"{s} outside" for s in ANALYTICS if f"{s}.example.org" in text or f"cift-{s}-cluster" in text
        }
    deployed = deployments(rendered)
    knative = any(each["apiVersion"].startswith("serving.knative.dev/") for each in rendered)
    ends = [*ours, *STRANGERS]
    for source in ends:
        for target in ends:
            if NAMESPACE in (source.namespace, target.namespace):
                for port in PORTS:
                    needed = expected(source, target, port, here=here, deployed=deployed, knative=knative)
                    yield source, target, port, needed


def difference(rendered: list[Object], policies: list[Object]) -> list[str]:
    network = Network(policies)
    return [
        f"{source.name} to {target.name}:{port} is {'denied' if needed else 'allowed'}"
        for source, target, port, needed in cases(rendered)
        if network.allowed(source, target, port) != needed
    ]


def test_exactly_the_needed_connections_are_allowed(cluster: list[Object]) -> None:
    assert not difference(cluster, cluster)


def test_dns_is_allowed_over_udp_and_tcp(cluster: list[Object]) -> None:
    network = Network(cluster)
    for pod in pods(cluster):
        assert network.allowed(pod, RESOLVER, 53, "UDP") == network.allowed(pod, RESOLVER, 53)


def test_every_policy_is_needed() -> None:
    """Removing any one policy changes a result, so the comparison above covers each of them."""
    rendered = render(market={"source": "replay"})
    policies = [each for each in rendered if each["kind"] == "NetworkPolicy"]
    assert len(policies) > len(FUNCTIONS)
    for at, policy in enumerate(policies):
        others = policies[:at] + policies[at + 1 :]
        if policy["spec"]["podSelector"] == {}:
            network = Network(others)
            assert network.allowed(NEIGHBOUR, ANYWHERE, 443) and not allowed(
                policies, NEIGHBOUR, ANYWHERE, 443
            )
            continue
        name = policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        pod = next(each for each in pods(rendered) if each.name == name)
        before, after = Network(policies), Network(others)
        pairs = [(pod, other, port) for other in (*STRANGERS, *pods(rendered)) for port in PORTS]
        pairs += [(other, pod, port) for _, other, port in pairs]
        assert any(before.allowed(*pair) != after.allowed(*pair) for pair in pairs), name


def test_exactly_the_pods_with_the_url_of_a_store_may_connect_to_it(cluster: list[Object]) -> None:
    """The stores in a pod's environment are the stores that its policy allows."""
    urls = {f"CIFT_{store.upper()}_URL": store for store in STORES}
    configured = {}
    for _, template in templates(cluster):
        environment = template["spec"]["containers"][0].get("env") or []
        name = template["metadata"]["labels"]["app.kubernetes.io/name"]
        names = {variable["name"].removesuffix("_FILE") for variable in environment}
        configured[name] = {urls[each] for each in names if each in urls}
        if "CIFT_POSTGRES_POOLER" in names:
            configured[name] = configured[name] - {"postgres"} | {"pooler"}
    assert configured["matchd"] == {"nats"} and len(configured) > len(FUNCTIONS)
    assert {name: stores for name, stores in configured.items() if stores} == {
        name: stores_of(name, set(configured)) for name in REACH if REACH[name] and name in configured
    }


def test_external_stores_are_allowed_at_their_addresses_only() -> None:
    outside = {"postgres": {"cidrs": ["198.51.100.0/24"], "ports": [6432]}}
    rendered = render(postgres={"enabled": False}, networkPolicy={"outside": outside})
    network = Network(rendered)
    at = {pod.name: pod for pod in pods(rendered)}
    order, pooler = at["trading-list-orders"], at["pooler"]
    database = End("database", address="198.51.100.7")
    assert network.allowed(order, pooler, 6432) and not network.allowed(order, database, 6432)
    assert network.allowed(pooler, database, 6432)
    assert not network.allowed(pooler, database, 5432) and not network.allowed(pooler, ANYWHERE, 6432)


def test_a_function_may_connect_to_its_additional_egress() -> None:
    feed = {"egress": [{"cidrs": ["198.51.100.7/32"], "ports": [443]}]}
    rendered = render(functions={"market-data-get-quote": feed})
    network = Network(rendered)
    at = {pod.name: pod for pod in pods(rendered)}
    source = End("feed", address="198.51.100.7")
    assert network.allowed(at["market-data-get-quote"], source, 443)
    assert not network.allowed(at["history-list-bars"], source, 443)


def test_only_the_live_feed_may_connect_to_its_provider() -> None:
    market = {"source": "alpaca", "existingSecret": "mine"}
    rendered = render(market=market)
    at = {pod.name: pod for pod in pods(rendered)}
    daemons = {name for name in at if name in FUNCTIONS and FUNCTIONS[name].kind == "daemon"}
    assert daemons == {"feeds-follow-alpaca"}, "only the configured feed's daemon is installed"
    network = Network(rendered)
    reach = {name for name, pod in at.items() if network.allowed(pod, ANYWHERE, 443)}
    assert daemons <= reach <= daemons | API_CLIENTS
    assert not network.allowed(at["feeds-follow-alpaca"], ANYWHERE, 80)
    narrow = render(market=market | {"egress": [{"cidrs": ["198.51.100.0/24"], "ports": [443]}]})
    assert not Network(narrow).allowed(at["feeds-follow-alpaca"], ANYWHERE, 443)


@pytest.mark.parametrize(("source", "keys"), [("alpaca", ["key", "secret"]), ("massive", ["key"])])
def test_a_live_feed_reads_its_key_from_the_existing_secret(source: str, keys: list[str]) -> None:
    rendered = render(market={"source": source, "existingSecret": "mine", "symbols": ["SPY", "QQQ"]})
    deployment = next(
        each
        for each in rendered
        if each["kind"] == "Deployment" and each["metadata"]["name"] == f"feeds-follow-{source}"
    )
    pod = deployment["spec"]["template"]["spec"]
    given = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    read = {name: place for name, place in secrets(pod).items() if source.upper() in name}
    assert read == {f"CIFT_{source.upper()}_{key.upper()}": ("mine", key) for key in keys}
    assert (given["CIFT_MARKET"], given["CIFT_SYMBOLS"]) == (source, "SPY,QQQ")
    with pytest.raises(AssertionError, match=r"market\.existingSecret"):
        render(market={"source": source})


def test_metrics_can_be_scraped_from_the_named_namespaces_only() -> None:
    rendered = render(networkPolicy={"metricsFrom": ["monitoring"]}, market={"source": "replay"})
    network = Network(rendered)
    prometheus, other = End("prometheus", "monitoring"), End("other", "observability")
    ports = {"matchd": 9101, "relay": 9102, "operator": 8080, "gateway": 8081, "nats": 8222}
    ports |= {"trading-place-order": 9091, "feeds-replay-market": 8080}
    for pod in pods(rendered):
        if pod.name in ports:
            assert network.allowed(prometheus, pod, ports[pod.name]), pod.name
            assert not network.allowed(other, pod, ports[pod.name]), pod.name


def test_a_dns_cache_on_the_nodes_is_allowed() -> None:
    rendered = render(networkPolicy={"dns": {"cidrs": ["169.254.20.10/32"]}})
    cache = End("cache", address="169.254.20.10")
    assert all(allowed(rendered, pod, cache, 53) for pod in pods(rendered) if pod.name not in STORES)


def test_policies_can_be_disabled() -> None:
    rendered = render(networkPolicy={"enabled": False})
    assert not [each for each in rendered if each["kind"] == "NetworkPolicy"]
