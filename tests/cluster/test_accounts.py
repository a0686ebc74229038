"""The operator in its pod: TradingAccounts while it or the API server is down, and many at the same time.

tests/operators tests the operator's behaviour for single accounts, without pods.
"""

import asyncio
import time
from collections.abc import Callable

import httpx
import yaml

from tests.cluster.machine import TestCluster
from tests.cluster.release import NAME, NAMESPACE, Release
from tests.operators.account_client import AccountClient
from tests.operators.cluster import account, condition, settled
from tests.stack import ROOT
from tests.target import eventually
from tests.venue import TRADING, Venue

MANY = 200
MANY_TIMEOUT_S = 300.0
DOWN_S = 5.0
SWEEP_S = 5.0
"""The interval in tests/cluster/values.yaml."""
QUIET_TIMEOUT_S = 120.0


def scale(release: Release, replicas: int) -> None:
    release.kubectl("scale", "deployment", f"{NAME}-operator", f"--replicas={replicas}")
    if replicas == 0:
        eventually(lambda: not release.pods("operator", leaving=True), "the operator is gone", 90, poll_s=0.5)


async def test_the_example_is_tradable_in_seconds(
    release: Release, venue: Venue, namespace: str, add_figure: Callable[[str], None]
) -> None:
    await trade_with_the_example(release, venue, namespace, add_figure)


async def trade_with_the_example(
    release: Release, venue: Venue, namespace: str, add_figure: Callable[[str], None]
) -> None:
    """Apply the example of a TradingAccount and place an order with its key."""
    symbol = await venue.instrument()
    example = yaml.safe_load((ROOT / "k8s" / "examples" / "account.yaml").read_text())
    example["metadata"]["namespace"] = namespace
    began = time.monotonic()
    release.cluster.apply(example)
    ada = release.cluster.account("ada", namespace)
    ready = time.monotonic() - began
    secret = release.cluster.secret("ada-credentials", namespace)
    assert secret["CIFT_URL"] == f"http://{NAME}-gateway.{NAMESPACE}.svc.cluster.local"
    order = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "1", "limit_price": "100"}
    key = {"X-API-Key": secret["CIFT_API_KEY"]}
    response = await venue.http.post(f"{TRADING}/orders", json=order, headers=key)
    traded = time.monotonic() - began
    assert response.status_code == 201, response.text
    assert ada["status"]["phase"] == "Active"
    add_figure(
        f"kubectl apply to Ready {ready:.2f} s, to an acknowledged order {traded:.2f} s (with kubectl)"
    )


async def test_changes_while_the_operator_is_down_take_effect_afterwards(
    release: Release, venue: Venue, namespace: str, platform: object
) -> None:
    cluster = release.cluster
    for name in ("ada", "bob", "cyd"):
        cluster.apply(account(name, namespace, deletionPolicy="Close"))
    ids = {name: cluster.account(name, namespace)["status"]["accountId"] for name in ("ada", "bob", "cyd")}
    client = AccountClient(cluster, namespace, venue, venue.platform)
    scale(release, 0)
    cluster.patch("ta", "ada", namespace, {"spec": {"state": "Suspended", "risk": {"maxOpenOrders": 3}}})
    cluster.delete("ta", "bob", namespace, wait=False)
    cluster.kubectl("delete", "secret", "cyd-credentials", "-n", namespace)
    cluster.apply(account("dan", namespace))
    assert not settled(cluster.get("ta", "ada", namespace) or {}), "the operator must not run yet"
    scale(release, 1)
    ada, dan = cluster.account("ada", namespace, 120), cluster.account("dan", namespace, 120)
    engine = (await client.query(ids["ada"]))["account"]
    assert (engine["state"], engine["limits"]["max_open_orders"]) == ("suspended", 3)
    assert ada["status"]["accountId"] == ids["ada"] != dan["status"]["accountId"]
    eventually(lambda: cluster.get("ta", "bob", namespace) is None, "bob is closed and gone", 120, poll_s=0.5)
    assert await client.state(ids["bob"]) == "closed"
    eventually(
        lambda: cluster.get("secret", "cyd-credentials", namespace),
        "cyd's Secret is recreated",
        120,
        poll_s=0.5,
    )
    for name in ("ada", "cyd"):
        assert await client.deposits(ids[name]) == ["100000.000000000"], "each is funded once"


async def test_trading_continues_without_the_api_server(
    release: Release, faults: TestCluster, venue: Venue, namespace: str, add_figure: Callable[[str], None]
) -> None:
    """Trading does not need the API server. The operator continues when it is back."""
    cluster = release.cluster
    # Limits above what even a fast machine can place in this time.
    limits = {"maxOpenOrders": 10_000, "maxOrdersPerSecond": 100_000}
    cluster.apply(account("ada", namespace, risk=limits))
    ada = cluster.account("ada", namespace)
    symbol, trader = (
        await venue.instrument(),
        AccountClient(cluster, namespace, venue, venue.platform).trader(ada),
    )

    def is_ending() -> bool:
        phases = "jsonpath={.items[*].status.phase}"
        return "Terminating" in cluster.kubectl("get", "namespaces", "-o", phases).stdout

    # A restarted controller manager does not know all kinds yet, and would delete a terminating namespace
    # without deleting its resources first.
    eventually(lambda: not is_ending(), "the namespaces of earlier tests are gone", 120, poll_s=0.5)
    faults.stop("apiserver", "KILL")
    try:
        deadline = time.monotonic() + DOWN_S
        placed = 0
        while time.monotonic() < deadline:
            await venue.order(trader, symbol, quantity="1", limit_price="1")
            placed += 1
    finally:
        await asyncio.to_thread(faults.restart, "apiserver")
    assert placed > 0

    def is_back() -> bool:
        return cluster.kubectl("get", "--raw", "/readyz", check=False).returncode == 0

    eventually(is_back, "the API server is back", 90, poll_s=0.5)
    cluster.patch("ta", "ada", namespace, {"spec": {"state": "ReduceOnly"}})
    cluster.account("ada", namespace, 120)
    cluster.apply(account("bob", namespace))
    cluster.account("bob", namespace, 120)
    release.wait_ready()
    add_figure(f"API server down for {DOWN_S:g} s: {placed} orders acknowledged, none rejected")


async def test_two_hundred_accounts_at_once(
    release: Release, venue: Venue, namespace: str, add_figure: Callable[[str], None]
) -> None:
    names = [f"many-{number}" for number in range(MANY)]
    began = time.monotonic()
    release.cluster.apply(*(account(name, namespace, startingCash="1000") for name in names))
    applied = time.monotonic() - began

    def ready() -> list[dict[str, object]]:
        found = release.cluster.list("tradingaccounts", namespace)
        return found if len(found) == MANY and all(settled(each) for each in found) else []

    found = eventually(ready, f"{MANY} accounts are Ready", MANY_TIMEOUT_S, poll_s=1)
    took = time.monotonic() - began
    assert all(condition(each, "Tradable")["status"] == "True" for each in found)
    ids = [each["status"]["accountId"] for each in found]
    assert len(set(ids)) == MANY
    await venue.platform.database.caught_up(ids[-1], "project_ledger")
    rows = await venue.platform.database.fetch(
        "SELECT account_id, count(*) AS times FROM transactions"
        " WHERE kind = 'deposit' AND account_id = ANY($1) GROUP BY 1",
        ids,
    )
    assert {row["times"] for row in rows} == {1} and len(rows) == MANY, "each is funded once"
    add_figure(f"{MANY} TradingAccounts: applied in {applied:.1f} s, all Ready after {took:.1f} s")


def test_an_idle_operator_writes_nothing(release: Release) -> None:
    (pod,) = release.pods("operator")
    url = f"http://{pod['status']['podIP']}:8080/metrics"

    def writes() -> float:
        lines = httpx.get(url, timeout=5).text.splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.startswith("operator_writes_total")
        )

    def quiet() -> bool:
        before = writes()
        time.sleep(2 * SWEEP_S)
        return writes() == before

    eventually(quiet, "the operator writes nothing during two sweeps", QUIET_TIMEOUT_S)
