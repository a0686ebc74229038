"""What becomes of accounts whose resource is deleted, and how they come back."""

import asyncio

import pytest

from tests.operators.cluster import Cluster, account, condition, settled
from tests.operators.trader import Desk
from tests.stack import eventually

pytestmark = pytest.mark.usefixtures("operator")
GONE_TIMEOUT_S = 120.0
"""Kubernetes, just started, looks each 30 s for kinds that are new to its garbage collector."""


def until_gone(secret: str, cluster: Cluster, namespace: str) -> None:
    eventually(lambda: not cluster.get("secret", secret, namespace), "the Secret is gone", GONE_TIMEOUT_S)


async def until_no_key(desk: Desk, account_id: str) -> None:
    for _ in range(300):
        if not await desk.live_keys(account_id):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the keys of a deleted resource still work")


async def test_retain_leaves_the_account_and_ends_its_keys(
    cluster: Cluster, namespace: str, desk: Desk
) -> None:
    symbol = await desk.venue.instrument()
    cluster.apply(account("ada", namespace))
    trader = desk.trader(cluster.account("ada", namespace))
    await desk.hold(trader, symbol)
    cluster.delete("ta", "ada", namespace)
    await until_no_key(desk, trader.account_id)
    await desk.until_revoked(trader.api_key)
    told = await desk.told(trader.account_id)
    assert told["account"]["state"] == "active"
    assert [each["quantity"] for each in told["positions"]] == ["3"]
    # Kubernetes itself deletes the Secret, with its owner.
    until_gone("ada-credentials", cluster, namespace)


async def test_close_cancels_and_closes(cluster: Cluster, namespace: str, desk: Desk) -> None:
    symbol = await desk.venue.instrument()
    cluster.apply(account("ada", namespace, deletionPolicy="Close"))
    ada = cluster.account("ada", namespace)
    assert ada["metadata"]["finalizers"] == ["cift.markets/close-account"]
    trader = desk.trader(ada)
    await desk.venue.order(trader, symbol)
    cluster.delete("ta", "ada", namespace)
    told = (await desk.told(trader.account_id))["account"]
    assert (told["state"], told["open_orders"]) == ("closed", 0)
    assert await desk.live_keys(trader.account_id) == []


async def test_close_waits_while_there_are_positions(cluster: Cluster, namespace: str, desk: Desk) -> None:
    symbol = await desk.venue.instrument()
    cluster.apply(account("ada", namespace, deletionPolicy="Close"))
    trader = desk.trader(cluster.account("ada", namespace))
    await desk.hold(trader, symbol)
    cluster.delete("ta", "ada", namespace, wait=False)
    ada = cluster.until(
        "ta",
        "ada",
        namespace,
        lambda each: condition(each, "RiskApplied")["reason"] == "PositionsOpen",
        "the conditions say why it waits",
    )
    assert ada["status"]["phase"] == "Closing" and "deletionTimestamp" in ada["metadata"]
    assert f"3 {symbol}" in condition(ada, "Ready")["message"]
    # Its owner can still trade his way out, with the key that he has.
    await desk.flatten(trader, symbol)
    eventually(lambda: cluster.get("ta", "ada", namespace) is None, "it is deleted then")
    assert await desk.state(trader.account_id) == "closed"


async def test_the_policy_may_change_while_it_waits(cluster: Cluster, namespace: str, desk: Desk) -> None:
    symbol = await desk.venue.instrument()
    cluster.apply(account("ada", namespace, deletionPolicy="Close"))
    trader = desk.trader(cluster.account("ada", namespace))
    await desk.hold(trader, symbol)
    cluster.delete("ta", "ada", namespace, wait=False)
    cluster.until("ta", "ada", namespace, lambda each: each["status"]["phase"] == "Closing", "it waits")
    cluster.patch("ta", "ada", namespace, {"spec": {"deletionPolicy": "Retain"}})
    eventually(lambda: cluster.get("ta", "ada", namespace) is None, "it is deleted then")
    assert await desk.state(trader.account_id) == "reduce_only"
    await until_no_key(desk, trader.account_id)


async def test_a_finalizer_only_for_close(cluster: Cluster, namespace: str) -> None:
    cluster.apply(account("ada", namespace))
    assert "finalizers" not in cluster.account("ada", namespace)["metadata"]
    for policy, finalizers in (("Close", ["cift.markets/close-account"]), ("Retain", None)):
        cluster.patch("ta", "ada", namespace, {"spec": {"deletionPolicy": policy}})
        ada = cluster.account("ada", namespace)
        assert ada["metadata"].get("finalizers") == finalizers
        assert "last-handled" not in str(ada["metadata"]), "kopf writes nothing on our resources"


async def test_the_same_name_again_is_a_new_account(cluster: Cluster, namespace: str, desk: Desk) -> None:
    cluster.apply(account("ada", namespace))
    first = desk.trader(cluster.account("ada", namespace))
    cluster.delete("ta", "ada", namespace)
    cluster.apply(account("ada", namespace, startingCash="77"))
    second = desk.trader(cluster.account("ada", namespace))
    assert second.account_id != first.account_id
    assert (await desk.told(second.account_id))["account"]["cash"] == "77"
    assert (await desk.told(first.account_id))["account"]["cash"] == "100000"
    await until_no_key(desk, first.account_id)
    assert (await desk.try_key(second.api_key)).status_code == 200


async def test_an_old_account_is_adopted(cluster: Cluster, namespace: str, desk: Desk) -> None:
    symbol = await desk.venue.instrument()
    cluster.apply(account("ada", namespace))
    first = desk.trader(cluster.account("ada", namespace))
    await desk.hold(first, symbol)
    cash = (await desk.told(first.account_id))["account"]["cash"]
    cluster.delete("ta", "ada", namespace)
    cluster.apply(account("again", namespace, startingCash=None, adopt=first.account_id))
    again = cluster.account("again", namespace)
    second = desk.trader(again)
    assert second.account_id == first.account_id and second.api_key != first.api_key
    told = await desk.told(first.account_id)
    assert told["account"]["cash"] == cash and told["positions"][0]["quantity"] == "3"
    assert len(await desk.deposits(first.account_id)) == 1
    await desk.flatten(second, symbol)
    assert condition(again, "LedgerReady")["reason"] == "Adopted"


async def test_a_registered_account_is_adopted(cluster: Cluster, namespace: str, desk: Desk) -> None:
    user = desk.venue.user()
    cluster.apply(
        account("user", namespace, startingCash=None, adopt=user.account_id, risk={"maxOpenOrders": 2})
    )
    found = cluster.account("user", namespace)
    assert (await desk.told(user.account_id))["account"]["limits"]["max_open_orders"] == 2
    # His own keys go on: he registered, and may log in.
    assert (await desk.try_key(user.api_key)).status_code == 200
    assert (await desk.try_key(desk.trader(found).api_key)).status_code == 200
    cluster.delete("ta", "user", namespace)
    until_gone("user-credentials", cluster, namespace)
    assert (await desk.try_key(user.api_key)).status_code == 200


async def test_what_cannot_be_adopted(cluster: Cluster, namespace: str, desk: Desk) -> None:
    def why(name: str) -> tuple[str, str]:
        found = cluster.until(
            "ta", name, namespace, lambda each: condition(each, "Ready")["status"] == "False", "it says why"
        )
        assert found["status"]["phase"] == "Pending" or name == "differs"
        ledger = condition(found, "LedgerReady")
        return ledger["reason"], ledger["message"]

    nobody = "5e0f2f0e-8a1c-5b7d-9d0a-0c6f6d1f2a3b"
    cluster.apply(account("nobody", namespace, startingCash=None, adopt=nobody))
    assert why("nobody") == ("UnknownAccount", f"There is no account {nobody} to adopt")
    cluster.apply(account("first", namespace))
    first = cluster.account("first", namespace)
    id = first["status"]["accountId"]
    cluster.apply(account("second", namespace, startingCash=None, adopt=id))
    assert why("second") == (
        "ManagedByAnother",
        f"The account is managed by the TradingAccount {namespace}/first",
    )
    cluster.apply(account("differs", namespace, type="cash", startingCash=None, adopt=id))
    assert why("differs")[0] == "TypeDiffers"
    assert settled(cluster.account("first", namespace))
    # It is free once the other is gone.
    cluster.delete("ta", "first", namespace)
    assert cluster.account("second", namespace)["status"]["accountId"] == id
    assert "ManagedByAnother" in cluster.events("second", namespace)
