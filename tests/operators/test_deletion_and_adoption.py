"""Accounts whose resource is deleted, and their adoption by another resource."""

import pytest

from tests.operators.account_client import AccountClient
from tests.operators.cluster import Cluster, account, condition, settled
from tests.target import eventually, until

pytestmark = pytest.mark.usefixtures("operator")
GONE_TIMEOUT_S = 120.0
"""Kubernetes' garbage collector looks for new kinds every 30 s after its start."""


def until_gone(secret: str, cluster: Cluster, namespace: str) -> None:
    eventually(lambda: not cluster.get("secret", secret, namespace), "the Secret is gone", GONE_TIMEOUT_S)


async def until_no_key(client: AccountClient, account_id: str) -> None:
    async def none_valid() -> bool:
        return not await client.valid_keys(account_id)

    await until(none_valid, "the keys of a deleted resource are revoked")


async def test_retain_leaves_the_account_and_revokes_its_keys(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    symbol = await client.venue.instrument()
    cluster.apply(account("ada", namespace))
    trader = client.trader(cluster.account("ada", namespace))
    await client.hold(trader, symbol)
    cluster.delete("ta", "ada", namespace)
    await until_no_key(client, trader.account_id)
    await client.until_revoked(trader.api_key)
    engine = await client.query(trader.account_id)
    assert engine["account"]["state"] == "active"
    assert [each["quantity"] for each in engine["positions"]] == ["3"]
    # Kubernetes itself deletes the Secret with its owner.
    until_gone("ada-credentials", cluster, namespace)


async def test_close_cancels_and_closes(cluster: Cluster, namespace: str, client: AccountClient) -> None:
    symbol = await client.venue.instrument()
    cluster.apply(account("ada", namespace, deletionPolicy="Close"))
    ada = cluster.account("ada", namespace)
    assert ada["metadata"]["finalizers"] == ["cift.markets/close-account"]
    trader = client.trader(ada)
    await client.venue.order(trader, symbol)
    cluster.delete("ta", "ada", namespace)
    engine = (await client.query(trader.account_id))["account"]
    assert (engine["state"], engine["open_orders"]) == ("closed", 0)
    assert await client.valid_keys(trader.account_id) == []


async def test_close_waits_while_there_are_positions(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    symbol = await client.venue.instrument()
    cluster.apply(account("ada", namespace, deletionPolicy="Close"))
    trader = client.trader(cluster.account("ada", namespace))
    await client.hold(trader, symbol)
    cluster.delete("ta", "ada", namespace, wait=False)
    ada = cluster.until(
        "ta",
        "ada",
        namespace,
        lambda each: condition(each, "RiskApplied")["reason"] == "PositionsOpen",
        "the conditions report the open positions",
    )
    assert ada["status"]["phase"] == "Closing" and "deletionTimestamp" in ada["metadata"]
    assert f"3 {symbol}" in condition(ada, "Ready")["message"]
    # The key still works, so the owner can close the positions.
    await client.flatten(trader, symbol)
    eventually(lambda: cluster.get("ta", "ada", namespace) is None, "the resource is deleted")
    assert await client.state(trader.account_id) == "closed"


async def test_the_policy_can_change_during_the_deletion(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    symbol = await client.venue.instrument()
    cluster.apply(account("ada", namespace, deletionPolicy="Close"))
    trader = client.trader(cluster.account("ada", namespace))
    await client.hold(trader, symbol)
    cluster.delete("ta", "ada", namespace, wait=False)
    cluster.until(
        "ta", "ada", namespace, lambda each: each["status"]["phase"] == "Closing", "the phase is Closing"
    )
    cluster.patch("ta", "ada", namespace, {"spec": {"deletionPolicy": "Retain"}})
    eventually(lambda: cluster.get("ta", "ada", namespace) is None, "the resource is deleted")
    assert await client.state(trader.account_id) == "reduce_only"
    await until_no_key(client, trader.account_id)


async def test_only_policy_close_sets_a_finalizer(cluster: Cluster, namespace: str) -> None:
    cluster.apply(account("ada", namespace))
    assert "finalizers" not in cluster.account("ada", namespace)["metadata"]
    for policy, finalizers in (("Close", ["cift.markets/close-account"]), ("Retain", None)):
        cluster.patch("ta", "ada", namespace, {"spec": {"deletionPolicy": policy}})
        ada = cluster.account("ada", namespace)
        assert ada["metadata"].get("finalizers") == finalizers
        assert "last-handled" not in str(ada["metadata"]), "kopf must not write annotations on our resources"


async def test_a_recreated_resource_gets_a_new_account(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace))
    first = client.trader(cluster.account("ada", namespace))
    cluster.delete("ta", "ada", namespace)
    cluster.apply(account("ada", namespace, startingCash="77"))
    second = client.trader(cluster.account("ada", namespace))
    assert second.account_id != first.account_id
    assert (await client.query(second.account_id))["account"]["cash"] == "77"
    assert (await client.query(first.account_id))["account"]["cash"] == "100000"
    await until_no_key(client, first.account_id)
    assert (await client.try_key(second.api_key)).status_code == 200


async def test_an_account_is_adopted_after_its_resource_was_deleted(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    symbol = await client.venue.instrument()
    cluster.apply(account("ada", namespace))
    first = client.trader(cluster.account("ada", namespace))
    await client.hold(first, symbol)
    cash = (await client.query(first.account_id))["account"]["cash"]
    cluster.delete("ta", "ada", namespace)
    cluster.grant(first.account_id, namespace)
    cluster.apply(account("again", namespace, startingCash=None, adopt=first.account_id))
    again = cluster.account("again", namespace)
    second = client.trader(again)
    assert second.account_id == first.account_id and second.api_key != first.api_key
    engine = await client.query(first.account_id)
    assert engine["account"]["cash"] == cash and engine["positions"][0]["quantity"] == "3"
    assert len(await client.deposits(first.account_id)) == 1
    await client.flatten(second, symbol)
    assert condition(again, "LedgerReady")["reason"] == "Adopted"


async def test_a_registered_account_is_adopted(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    user = client.venue.user()
    cluster.grant(user.account_id, namespace)
    cluster.apply(
        account("user", namespace, startingCash=None, adopt=user.account_id, risk={"maxOpenOrders": 2})
    )
    found = cluster.account("user", namespace)
    assert (await client.query(user.account_id))["account"]["limits"]["max_open_orders"] == 2
    # The user registered and may log in, so his own keys stay valid.
    assert (await client.try_key(user.api_key)).status_code == 200
    assert (await client.try_key(client.trader(found).api_key)).status_code == 200
    cluster.delete("ta", "user", namespace)
    until_gone("user-credentials", cluster, namespace)
    assert (await client.try_key(user.api_key)).status_code == 200


async def test_unknown_managed_or_different_accounts_cannot_be_adopted(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    def why(name: str) -> tuple[str, str]:
        found = cluster.until(
            "ta",
            name,
            namespace,
            lambda each: condition(each, "Ready")["status"] == "False",
            "Ready is False",
        )
        assert found["status"]["phase"] == "Pending" or name == "differs"
        ledger = condition(found, "LedgerReady")
        return ledger["reason"], ledger["message"]

    nobody = "5e0f2f0e-8a1c-5b7d-9d0a-0c6f6d1f2a3b"
    cluster.grant(nobody, namespace)
    cluster.apply(account("nobody", namespace, startingCash=None, adopt=nobody))
    assert why("nobody") == ("UnknownAccount", f"There is no account {nobody} to adopt")
    cluster.apply(account("first", namespace))
    first = cluster.account("first", namespace)
    id = first["status"]["accountId"]
    cluster.grant(id, namespace)
    cluster.apply(account("second", namespace, startingCash=None, adopt=id))
    assert why("second") == (
        "ManagedByAnother",
        f"The account is managed by the TradingAccount {namespace}/first",
    )
    cluster.apply(account("differs", namespace, type="cash", startingCash=None, adopt=id))
    assert why("differs")[0] == "TypeDiffers"
    assert settled(cluster.account("first", namespace))
    # After the first resource is deleted, the second adopts the account.
    cluster.delete("ta", "first", namespace)
    assert cluster.account("second", namespace)["status"]["accountId"] == id
    assert "ManagedByAnother" in cluster.events("second", namespace)


async def test_an_account_is_adopted_only_by_the_namespace_that_it_is_granted_to(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    """Neither a user's account nor a released one: to know its id is no proof."""
    user = client.venue.user()
    cluster.apply(account("ada", namespace))
    released = cluster.account("ada", namespace)["status"]["accountId"]
    ids = {"registered": user.account_id, "waiting": released}
    with cluster.namespace() as other:
        for name, id in ids.items():
            closes = {"state": "Closed", "deletionPolicy": "Close"}
            cluster.apply(account(name, other, startingCash=None, adopt=id, **closes))

        def refused(name: str) -> None:
            found = cluster.until(
                "ta",
                name,
                other,
                lambda each: condition(each, "LedgerReady")["reason"] == "AdoptionNotGranted",
                "the condition states that a grant is missing",
            )
            assert f"{ids[name]}: {other}" in condition(found, "LedgerReady")["message"]

        for name in ids:
            refused(name)
        cluster.delete("ta", "ada", namespace)
        await until_no_key(client, released)
        cluster.grant(released, namespace)  # a grant for another namespace
        cluster.patch("ta", "waiting", other, {"spec": {"owner": "somebody else"}})
        for name, id in ids.items():
            refused(name)
            assert await client.state(id) == "active"
            assert cluster.get("secret", f"{name}-credentials", other) is None
            cluster.delete("ta", name, other)  # its deletionPolicy closes nothing
        assert await client.state(user.account_id) == "active"
        assert (await client.try_key(user.api_key)).status_code == 200
        assert await client.state(released) == "active"
    cluster.apply(account("again", namespace, startingCash=None, adopt=released))
    assert cluster.account("again", namespace)["status"]["accountId"] == released
