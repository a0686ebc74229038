"""No user can see, change or detect what belongs to another, on any route.

The routes come from the functions' declarations: a new function with an id in its path fails here until
`_resources_of` or `NOT_OWNED` lists it.
"""

from typing import Any

import pytest

from cift.function import Function
from cift.host.loading import load_functions
from tests.target import User
from tests.venue import TRADING, Venue, refusal

HTTP = [function for function in load_functions() if function.kind == "http"]
# Paths whose parameter names something public, or something that is always the caller's own.
NOT_OWNED = {
    "/assets/{name}",
    "/api/v1/trading/positions/{symbol}",
    "/api/v1/trading/statements/{period}",
    "/api/v1/trading/statements/{period}/file",
    "/api/v1/trading/risk/max-order-size/{symbol}",
    "/api/v1/market-data/quote/{symbol}",
    "/api/v1/market-data/book/{symbol}",
    "/api/v1/market-data/trades/{symbol}",
    "/api/v1/market-data/bars/{symbol}",
    "/api/v1/market-data/history/{symbol}",
    "/api/v1/analytics/order-flow/{symbol}",
    "/api/v1/analytics/spread/{symbol}",
    "/api/v1/analytics/volume-profile/{symbol}",
    "/v2/account/activities/{activity_type}",
    "/v2/assets/{symbol_or_asset_id}",
    "/v2/positions/{symbol_or_asset_id}",
    "/v1beta1/screener/{market_type}/movers",
    "/v2/stocks/meta/conditions/{ticktype}",
    *(function.path for function in HTTP if function.path.startswith(("/v2/stocks/{", "/v1beta3/crypto/{"))),
}
# Functions of administrators are left out: test_admin.py tests that users may not call them.
OWNED = [
    function
    for function in HTTP
    if "{" in function.path and function.path not in NOT_OWNED and function.scope != "admin"
]
GUARDED = [function for function in HTTP if function.scope is not None]
BODIES: dict[str, Any] = {
    "trading.replace_order": {"quantity": "1"},
    "alpaca.replace_order": {"qty": "1"},
    "alpaca.add_to_watchlist": {"symbol": "SPY"},
    "alpaca.edit_watchlist": {"name": "theirs"},
}


async def _resources_of(venue: Venue, owner: User) -> dict[str, str]:
    """The id of one resource of each kind, by the path's prefix."""
    symbol = await venue.instrument()
    order = await venue.order(owner, symbol)
    keys = await venue.http.get("/api/v1/auth/api-keys", headers=owner.bearer)
    sessions = await venue.http.get("/api/v1/auth/sessions", headers=owner.bearer)
    listed = keys.json()
    watchlist = await venue.call(owner, "POST", "/v2/watchlists", {"name": "mine"})
    key = (listed["items"] if isinstance(listed, dict) else listed)[0]
    return {
        "/api/v1/trading/orders/": order["id"],
        "/api/v1/auth/api-keys/": key["id"],
        "/api/v1/auth/sessions/": sessions.json()["items"][0]["id"],
        "/v2/orders/": order["id"],
        "/v2/watchlists/": watchlist.json()["id"],
    }


@pytest.mark.parametrize("function", OWNED, ids=lambda function: function.name)
async def test_another_users_id_is_answered_like_an_unknown_one(venue: Venue, function: Function) -> None:
    owner, stranger = venue.user(), venue.user()
    owned = await _resources_of(venue, owner)
    prefix = function.path[: function.path.index("{")]
    assert prefix in owned, (
        f"{function.name}: add the resource of {function.path} to _resources_of, or the path to NOT_OWNED"
    )
    path = prefix + owned[prefix] + function.path[function.path.index("}") + 1 :]
    headers = stranger.bearer if function.scope in ("keys", "session") else stranger.key
    answer = await venue.http.request(function.method, path, json=BODIES.get(function.name), headers=headers)
    assert answer.status_code == 404, f"{function.name}: {answer.status_code} {answer.text}"
    # The answer equals that of an unknown id, so it does not show which ids exist.
    unknown = prefix + ("0" * 12 if "api-keys" in prefix else "01a1fd25-0000-7000-8000-000000000000")
    nothing = await venue.http.request(
        function.method, unknown, json=BODIES.get(function.name), headers=headers
    )
    error, expected = answer.json(), nothing.json()
    assert {**error, "request_id": ""} == {**expected, "request_id": ""}
    # The resource is unchanged.
    order = await venue.get_order(owner, owned["/api/v1/trading/orders/"])
    assert (order["status"], order["quantity"]) == ("new", "10")
    assert (await venue.http.get("/api/v1/auth/me", headers=owner.key)).status_code == 200


@pytest.mark.parametrize("function", GUARDED, ids=lambda function: function.name)
async def test_a_request_without_a_credential_is_refused(venue: Venue, function: Function) -> None:
    path = function.path.replace("{", "").replace("}", "")
    answer = await venue.http.request(function.method, path, json={})
    assert answer.status_code == 401, f"{function.name}: {answer.status_code}"


async def test_lists_hold_only_the_callers_own(venue: Venue) -> None:
    symbol, owner, stranger = await venue.instrument(), venue.user(), venue.user()
    other = venue.user()
    await venue.order(other, symbol, side="sell")
    order = await venue.order(owner, symbol)
    for path in ("orders", "fills", "positions", "transactions"):
        mine = (await venue.get(owner, path))["items"]
        assert mine, path
        theirs = (await venue.get(stranger, path))["items"]
        # A new user has the first deposit and nothing else.
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
async def test_a_key_without_the_scope_is_refused(
    venue: Venue, scopes: tuple[str, ...], method: str, path: str, body: Any
) -> None:
    user = venue.user(scopes)
    refusal(await venue.call(user, method, path, body), 403, "scope_required")
