"""Two principals against every route: nobody sees, changes or learns of what is another's.

The routes come from the functions themselves: a new one with an id in its path, or a new one that needs
a credential, fails here until it is dealt with.
"""

from typing import Any

import pytest

from cift.function import Door
from cift.host.doors import load_doors
from tests.target import User
from tests.venue import TRADING, Venue, refusal

HTTP = [door for door in load_doors() if door.kind == "http"]
# Paths whose parameter names a thing that is public or the caller's own by construction.
NOT_OWNED = {
    "/api/v1/trading/positions/{symbol}",
    "/api/v1/trading/risk/max-order-size/{symbol}",
    "/api/v1/market-data/quote/{symbol}",
    "/api/v1/market-data/book/{symbol}",
    "/api/v1/market-data/trades/{symbol}",
    "/api/v1/market-data/bars/{symbol}",
    "/api/v1/market-data/history/{symbol}",
    "/api/v1/analytics/order-flow/{symbol}",
    "/api/v1/analytics/spread/{symbol}",
    "/api/v1/analytics/volume-profile/{symbol}",
}
# An operator's doors name what is anybody's; that no user gets through is test_operate's claim.
OWNED = [door for door in HTTP if "{" in door.path and door.path not in NOT_OWNED and door.scope != "operate"]
GUARDED = [door for door in HTTP if door.scope is not None]
BODIES: dict[str, Any] = {"trading.replace_order": {"quantity": "1"}}


async def _things_of(venue: Venue, owner: User) -> dict[str, str]:
    """One thing of each kind that a path can name, by the path's beginning."""
    symbol = await venue.instrument()
    order = await venue.order(owner, symbol)
    keys = await venue.http.get("/api/v1/auth/api-keys", headers=owner.bearer)
    listed = keys.json()
    key = (listed["items"] if isinstance(listed, dict) else listed)[0]
    return {"/api/v1/trading/orders/": order["id"], "/api/v1/auth/api-keys/": key["id"]}


@pytest.mark.parametrize("door", OWNED, ids=lambda door: door.name)
async def test_the_id_of_another_is_not_there(venue: Venue, door: Door) -> None:
    owner, stranger = venue.user(), venue.user()
    things = await _things_of(venue, owner)
    prefix = door.path[: door.path.index("{")]
    assert prefix in things, f"{door.name}: say in _things_of what {door.path} names, or in NOT_OWNED why not"
    path = prefix + things[prefix] + door.path[door.path.index("}") + 1 :]
    headers = stranger.bearer if door.scope in ("keys", "session") else stranger.key
    answer = await venue.http.request(door.method, path, json=BODIES.get(door.name), headers=headers)
    assert answer.status_code == 404, f"{door.name}: {answer.status_code} {answer.text}"
    # Exactly what an id that nobody has is answered: nobody learns which ids exist.
    unknown = prefix + ("0" * 12 if "api-keys" in prefix else "01a1fd25-0000-7000-8000-000000000000")
    nothing = await venue.http.request(door.method, unknown, json=BODIES.get(door.name), headers=headers)
    told, expected = answer.json(), nothing.json()
    assert {**told, "request_id": ""} == {**expected, "request_id": ""}
    # And nothing happened to it.
    order = await venue.get_order(owner, things["/api/v1/trading/orders/"])
    assert (order["status"], order["quantity"]) == ("new", "10")
    assert (await venue.http.get("/api/v1/auth/me", headers=owner.key)).status_code == 200


@pytest.mark.parametrize("door", GUARDED, ids=lambda door: door.name)
async def test_without_a_credential_nothing(venue: Venue, door: Door) -> None:
    path = door.path.replace("{", "").replace("}", "")
    answer = await venue.http.request(door.method, path, json={})
    assert answer.status_code == 401, f"{door.name}: {answer.status_code}"


async def test_lists_hold_only_ones_own(venue: Venue) -> None:
    symbol, owner, stranger = await venue.instrument(), venue.user(), venue.user()
    other = venue.user()
    await venue.order(other, symbol, side="sell")
    order = await venue.order(owner, symbol)
    for path in ("orders", "fills", "positions", "transactions"):
        mine = (await venue.get(owner, path))["items"]
        assert mine, path
        theirs = (await venue.get(stranger, path))["items"]
        # A newcomer has his first deposit and nothing else.
        assert [t["kind"] for t in theirs] == ["deposit"] if path == "transactions" else theirs == []
    refusal(
        await venue.call(stranger, "GET", f"{TRADING}/fills?order_id={order['id']}"), 404, "order_not_found"
    )
    refusal(await venue.call(stranger, "GET", f"{TRADING}/positions/{symbol}"), 404, "position_not_found")
    assert (await venue.call(stranger, "DELETE", f"{TRADING}/orders")).json() == {"canceled": 0}
    assert (await venue.get(stranger, "portfolio"))["positions"] == []


@pytest.mark.parametrize(
    ("scopes", "method", "path", "body"),
    [
        (("read",), "POST", f"{TRADING}/orders", {}),
        (("read",), "DELETE", f"{TRADING}/orders", None),
        (("read", "trade"), "POST", f"{TRADING}/account/deposit", {"amount": "1"}),
        (("trade",), "GET", f"{TRADING}/orders", None),
        (("funds",), "POST", f"{TRADING}/orders", {}),
    ],
)
async def test_scopes(venue: Venue, scopes: tuple[str, ...], method: str, path: str, body: Any) -> None:
    user = venue.user(scopes)
    refusal(await venue.call(user, method, path, body), 403, "scope_required")
