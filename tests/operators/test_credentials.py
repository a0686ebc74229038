"""The Secret of a TradingAccount is made, rotated and repaired. The old key is always revoked."""

import json

import pytest

from tests.operators.account_client import AccountClient
from tests.operators.cluster import Cluster, Object, account, condition, settled
from tests.stack import eventually
from tests.venue import TRADING, refusal

pytestmark = pytest.mark.usefixtures("operator")
NAME = "ada-credentials"


def rotated(cluster: Cluster, namespace: str, old: str, secret: str = NAME) -> str:
    """Wait until the Secret's key differs from `old` and the status names it. Returns the new key."""

    def new_key() -> str | None:
        found = cluster.get("secret", secret, namespace)
        key = cluster.secret(secret, namespace)["CIFT_API_KEY"] if found else old
        return key if key != old else None

    key = str(eventually(new_key, "the Secret holds another key"))

    def is_in_status(each: Object) -> bool:
        return settled(each) and each["status"]["credentials"]["keyId"] == key.split("_")[1]

    cluster.until("ta", "ada", namespace, is_in_status, "the status names the Secret's key")
    return key


async def test_rotation_by_annotation_and_by_spec(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace))
    cluster.account("ada", namespace)
    key = cluster.secret(NAME, namespace)["CIFT_API_KEY"]
    for change in (
        {"metadata": {"annotations": {"cift.markets/rotate-credentials": "2026-11-24"}}},
        {"spec": {"credentials": {"rotation": "second"}}},
        {"spec": {"credentials": {"rotation": "third"}}},
    ):
        cluster.patch("ta", "ada", namespace, change)
        old, key = key, rotated(cluster, namespace, key)
        await client.until_revoked(old)
        assert (await client.try_key(key)).status_code == 200
    assert "CredentialsRotated" in cluster.events("ada", namespace)
    # An edit of another field does not rotate again.
    cluster.patch("ta", "ada", namespace, {"spec": {"owner": "ada again"}})
    cluster.account("ada", namespace)
    assert cluster.secret(NAME, namespace)["CIFT_API_KEY"] == key


async def test_a_secret_deleted_by_hand_is_recreated(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace))
    id = cluster.account("ada", namespace)["status"]["accountId"]
    old = cluster.secret(NAME, namespace)["CIFT_API_KEY"]
    cluster.delete("secret", NAME, namespace)
    new = rotated(cluster, namespace, old)
    await client.until_revoked(old)
    assert await client.valid_keys(id) == [new.split("_")[1]]


@pytest.mark.parametrize("drift", ["edited", "emptied", "not base64 of a key"])
async def test_a_secret_edited_by_hand_is_repaired(
    cluster: Cluster, namespace: str, client: AccountClient, drift: str
) -> None:
    cluster.apply(account("ada", namespace))
    cluster.account("ada", namespace)
    old = cluster.secret(NAME, namespace)["CIFT_API_KEY"]
    data = {"edited": "eHh4", "emptied": None, "not base64 of a key": "/////w=="}[drift]
    cluster.patch("secret", NAME, namespace, {"data": {"CIFT_API_KEY": data, "note": "bWluZQ=="}})

    def is_repaired() -> bool:
        held = cluster.secret(NAME, namespace).get("CIFT_API_KEY", "")
        return held.startswith("cift_") and held != old

    eventually(is_repaired, "the Secret holds a key again")
    # Keys that others added to the Secret stay.
    assert cluster.secret(NAME, namespace)["note"] == "mine"


async def test_a_change_of_scopes_issues_a_new_key(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace))
    cluster.account("ada", namespace)
    old = cluster.secret(NAME, namespace)["CIFT_API_KEY"]
    cluster.patch("ta", "ada", namespace, {"spec": {"credentials": {"scopes": ["funds", "read"]}}})
    rotated(cluster, namespace, old)
    trader, symbol = client.trader(cluster.account("ada", namespace)), await client.venue.instrument()
    refusal(await client.venue.try_order(trader, symbol), 403, "scope_required")
    paid = await client.venue.call(trader, "POST", f"{TRADING}/account/deposit", {"amount": "1"})
    assert paid.status_code == 201


async def test_a_secret_name_that_is_taken_is_reported(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    taken = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "bot-key", "namespace": namespace},
        "stringData": {"password": "somebody's"},
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(taken))
    cluster.apply(account("ada", namespace, credentials={"secretName": "bot-key"}))
    ada = cluster.until(
        "ta",
        "ada",
        namespace,
        lambda each: condition(each, "CredentialsReady")["reason"] == "SecretNameTaken",
        "the condition reports that the name is taken",
    )
    assert condition(ada, "Tradable")["status"] == "False"
    assert condition(ada, "LedgerReady")["status"] == "True"
    assert cluster.secret("bot-key", namespace) == {"password": "somebody's"}
    cluster.delete("secret", "bot-key", namespace)
    ada = cluster.account("ada", namespace)
    assert client.trader(ada, "bot-key").api_key.startswith("cift_")


async def test_the_admin_key_is_kept_and_recreated(cluster: Cluster, client: AccountClient) -> None:
    def key() -> str | None:
        found = cluster.get("secret", "cift-admin", "default")
        return cluster.secret("cift-admin", "default")["CIFT_API_KEY"] if found else None

    first = eventually(key, "the operator has made an admin key")
    symbol = await client.venue.instrument()
    path = f"/api/v1/admin/instruments/{symbol}/halt"
    halted = await client.venue.call(None, "POST", path, None, {"X-API-Key": first})
    assert halted.json()["halted"] is True
    cluster.delete("secret", "cift-admin", "default")
    second = eventually(key, "the operator has made another admin key")
    assert second != first
    assert (await client.venue.call(None, "POST", path, None, {"X-API-Key": second})).status_code == 200
