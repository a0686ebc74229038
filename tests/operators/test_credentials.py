"""The Secret of a TradingAccount: made, rotated, repaired; the old key always ends."""

import json

import pytest

from tests.operators.cluster import Cluster, Object, account, condition, settled
from tests.operators.trader import Desk
from tests.stack import eventually
from tests.venue import TRADING, refusal

pytestmark = pytest.mark.usefixtures("operator")
NAME = "ada-credentials"


def rotated(cluster: Cluster, namespace: str, old: str, secret: str = NAME) -> str:
    """The key of the Secret, once it is another than `old` and the status tells of it."""

    def look() -> str | None:
        found = cluster.get("secret", secret, namespace)
        key = cluster.secret(secret, namespace)["CIFT_API_KEY"] if found else old
        return key if key != old else None

    key = str(eventually(look, "the Secret holds another key"))

    def is_told(each: Object) -> bool:
        return settled(each) and each["status"]["credentials"]["keyId"] == key.split("_")[1]

    cluster.until("ta", "ada", namespace, is_told, "the status names the key of the Secret")
    return key


async def test_rotation_by_annotation_and_by_spec(cluster: Cluster, namespace: str, desk: Desk) -> None:
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
        await desk.until_revoked(old)
        assert (await desk.try_key(key)).status_code == 200
    assert "CredentialsRotated" in cluster.events("ada", namespace)
    # Said again it is not done again.
    cluster.patch("ta", "ada", namespace, {"spec": {"owner": "ada again"}})
    cluster.account("ada", namespace)
    assert cluster.secret(NAME, namespace)["CIFT_API_KEY"] == key


async def test_a_secret_deleted_by_hand_is_made_anew(cluster: Cluster, namespace: str, desk: Desk) -> None:
    cluster.apply(account("ada", namespace))
    id = cluster.account("ada", namespace)["status"]["accountId"]
    old = cluster.secret(NAME, namespace)["CIFT_API_KEY"]
    cluster.delete("secret", NAME, namespace)
    new = rotated(cluster, namespace, old)
    await desk.until_revoked(old)
    assert await desk.live_keys(id) == [new.split("_")[1]]


@pytest.mark.parametrize("drift", ["edited", "emptied", "not base64 of a key"])
async def test_a_secret_edited_by_hand_is_repaired(
    cluster: Cluster, namespace: str, desk: Desk, drift: str
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
    # What others keep in it stays.
    assert cluster.secret(NAME, namespace)["note"] == "mine"


async def test_another_scope_is_another_key(cluster: Cluster, namespace: str, desk: Desk) -> None:
    cluster.apply(account("ada", namespace))
    cluster.account("ada", namespace)
    old = cluster.secret(NAME, namespace)["CIFT_API_KEY"]
    cluster.patch("ta", "ada", namespace, {"spec": {"credentials": {"scopes": ["funds", "read"]}}})
    rotated(cluster, namespace, old)
    trader, symbol = desk.trader(cluster.account("ada", namespace)), await desk.venue.instrument()
    refusal(await desk.venue.try_order(trader, symbol), 403, "scope_required")
    paid = await desk.venue.call(trader, "POST", f"{TRADING}/account/deposit", {"amount": "1"})
    assert paid.status_code == 201


async def test_a_name_of_ones_own_and_one_that_is_taken(cluster: Cluster, namespace: str, desk: Desk) -> None:
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
        "it says that the name is taken",
    )
    assert condition(ada, "Tradable")["status"] == "False"
    assert condition(ada, "LedgerReady")["status"] == "True"
    assert cluster.secret("bot-key", namespace) == {"password": "somebody's"}
    cluster.delete("secret", "bot-key", namespace)
    ada = cluster.account("ada", namespace)
    assert desk.trader(ada, "bot-key").api_key.startswith("cift_")


async def test_the_key_for_halts_is_kept(cluster: Cluster, desk: Desk) -> None:
    def key() -> str | None:
        found = cluster.get("secret", "cift-admin", "default")
        return cluster.secret("cift-admin", "default")["CIFT_API_KEY"] if found else None

    first = eventually(key, "there is a key for halts")
    symbol = await desk.venue.instrument()
    path = f"/api/v1/admin/instruments/{symbol}/halt"
    halted = await desk.venue.call(None, "POST", path, None, {"X-API-Key": first})
    assert halted.json()["halted"] is True
    cluster.delete("secret", "cift-admin", "default")
    second = eventually(key, "it is made anew")
    assert second != first
    assert (await desk.venue.call(None, "POST", path, None, {"X-API-Key": second})).status_code == 200
