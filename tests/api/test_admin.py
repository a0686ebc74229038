"""The functions of administrators, and that other users may not call them."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from cift.admin import instruments
from cift.auth import managed
from cift.kernel.ids import uuid7
from cift.kernel.money import NANOS, parse_nanos
from cift.platform.stores import Platform
from tests.target import PASSWORD, User
from tests.venue import MARKET, TRADING, Venue, refusal

ADMIN = "/api/v1/admin"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def administrator(platform: Platform) -> dict[str, str]:
    """Headers with an administrator's key."""
    key = await managed.create_admin_key("tests", platform.database, platform.settings)
    return {"X-API-Key": key}


async def test_halt_and_resume(venue: Venue, administrator: dict[str, str]) -> None:
    symbol, user = await venue.instrument(), venue.user()
    for _ in range(2):  # repeating it changes nothing
        halted = await venue.call(
            None, "POST", f"{ADMIN}/instruments/{symbol.lower()}/halt", None, administrator
        )
        assert halted.json() == {"symbol": symbol, "halted": True}, halted.text
    refusal(await venue.try_order(user, symbol), 422, "instrument_halted")
    assert (await venue.get(user, f"{MARKET}/quote/{symbol}"))["halted"] is True
    resumed = await venue.call(None, "POST", f"{ADMIN}/instruments/{symbol}/resume", None, administrator)
    assert resumed.json() == {"symbol": symbol, "halted": False}
    await venue.order(user, symbol)
    refusal(
        await venue.call(None, "POST", f"{ADMIN}/instruments/NOSUCH/halt", None, administrator),
        404,
        "unknown_symbol",
    )


async def test_name_and_calendar_of_an_instrument(
    venue: Venue, administrator: dict[str, str], platform: Platform
) -> None:
    symbol, user = await venue.instrument(), venue.user()
    path = f"{ADMIN}/instruments/{symbol}"

    async def edit(body: dict[str, Any], path: str = path) -> dict[str, Any]:
        answer = await venue.call(None, "PATCH", path, body, administrator)
        assert answer.status_code == 200, answer.text
        details: dict[str, Any] = answer.json()
        return details

    for _ in range(2):  # repeating it changes nothing
        details = await edit({"name": " Söhne & Cie. "}, path.lower())
        assert details == {"symbol": symbol, "name": "Söhne & Cie.", "calendar": "XNYS"}
    # An absent field stays; null restores the default.
    assert await edit({"calendar": "24/7"}) == details | {"calendar": "24/7"}
    assert await edit({"name": None}) == {"symbol": symbol, "name": None, "calendar": "24/7"}
    assert await edit({"name": "Z" * 100, "calendar": None}) == {
        "symbol": symbol,
        "name": "Z" * 100,
        "calendar": "XNYS",
    }
    await platform.database.caught_up(user.account_id, "project_market")
    (listed,) = (await venue.get(None, f"{MARKET}/symbols", query=symbol))["items"]
    assert (listed["name"], listed["calendar"]) == ("Z" * 100, "XNYS")
    audited = await platform.database.fetch(
        "SELECT detail::text FROM audit_log WHERE event = 'instrument_edited' AND subject = $1"
        " AND user_id IS NOT NULL ORDER BY id DESC LIMIT 2",
        symbol,
    )
    assert json.loads(audited[1]["detail"]) == {"name": None}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "nothing_to_edit", None),
        ({"calendar": "XXXX"}, "unknown_calendar", "calendar"),
        ({"calendar": "../XNYS"}, "unknown_calendar", "calendar"),
        ({"calendar": "X" * 9}, "invalid_request", "calendar"),
        ({"name": "Z" * 101}, "invalid_request", "name"),
        ({"name": ""}, "invalid_request", "name"),
        ({"name": "   "}, "invalid_request", "name"),
        ({"name": "two\nlines"}, "invalid_request", "name"),
        ({"name": "a\x00zero"}, "invalid_request", "name"),
        ({"name": "turned\u202earound"}, "invalid_request", "name"),
        ({"name": 7}, "invalid_request", "name"),
        ({"title": "Z"}, "invalid_request", "title"),
    ],
)
async def test_invalid_instrument_details_are_refused(
    venue: Venue, administrator: dict[str, str], body: dict[str, Any], code: str, field: str | None
) -> None:
    symbol = await venue.instrument(price=None)
    answer = await venue.call(None, "PATCH", f"{ADMIN}/instruments/{symbol}", body, administrator)
    refusal(answer, 422, code, field)
    assert (
        await venue.platform.database.fetchval(
            "SELECT count(*) FROM instrument_details WHERE symbol = $1", symbol
        )
        == 0
    )


@pytest.mark.parametrize("symbol", ["NOSUCH", "no such", "A" * 17])
async def test_details_of_an_unknown_symbol_are_refused(
    venue: Venue, administrator: dict[str, str], symbol: str
) -> None:
    answer = await venue.call(None, "PATCH", f"{ADMIN}/instruments/{symbol}", {"name": "Z"}, administrator)
    refusal(answer, 404, "unknown_symbol", "symbol")


async def test_state_and_limits_of_an_account(venue: Venue, administrator: dict[str, str]) -> None:
    symbol, user = await venue.instrument(), venue.user()
    path = f"{ADMIN}/accounts/{user.account_id}"
    edited = await venue.call(
        None, "PATCH", path, {"limits": {"max_order_quantity": "5", "max_open_orders": 2}}, administrator
    )
    assert edited.status_code == 200, edited.text
    assert edited.json()["limits"] == {
        "max_order_quantity": "5",
        "max_order_notional": None,
        "max_position": None,
        "max_open_orders": 2,
        "max_orders_per_second": 500,
        "max_daily_loss": None,
        "leverage_percent": 200,
    }
    refusal(await venue.try_order(user, symbol, quantity="6"), 422, "order_quantity_limit")
    suspended = await venue.call(None, "PATCH", path, {"state": "suspended"}, administrator)
    assert suspended.json()["state"] == "suspended"
    refusal(await venue.try_order(user, symbol, quantity="5"), 403, "account_suspended")
    # The limits are unchanged.
    assert suspended.json()["limits"]["max_open_orders"] == 2
    for unknown in (uuid7(), "me"):
        answer = await venue.call(
            None, "PATCH", f"{ADMIN}/accounts/{unknown}", {"state": "active"}, administrator
        )
        refusal(answer, 404, "unknown_account")


async def test_a_managed_account_is_edited_in_its_resource_only(
    venue: Venue, platform: Platform, administrator: dict[str, str]
) -> None:
    user = venue.user()
    resource = managed.Manager(uuid7(), "team/ada", uuid7())
    await managed.take_user(user.account_id, None, resource, platform.database)
    path = f"{ADMIN}/accounts/{user.account_id}"
    error = refusal(
        await venue.call(None, "PATCH", path, {"state": "closed"}, administrator), 409, "managed_account"
    )
    assert "team/ada" in error["message"]
    # Cash is not part of the resource.
    deposited = await venue.call(user, "POST", f"{TRADING}/account/deposit", {"amount": "5"})
    assert deposited.status_code == 201
    await managed.release(resource.uid, platform.database, platform.valkey)
    answer = await venue.call(None, "PATCH", path, {"state": "reduce_only"}, administrator)
    assert answer.json()["state"] == "reduce_only"


@pytest.mark.parametrize("path", ["deposit", "withdraw", "reset"])
async def test_a_suspended_account_moves_no_cash(
    venue: Venue, administrator: dict[str, str], path: str
) -> None:
    user = venue.user()
    account = f"{ADMIN}/accounts/{user.account_id}"
    await venue.call(None, "PATCH", account, {"state": "suspended"}, administrator)
    body = None if path == "reset" else {"amount": "5"}
    answer = await venue.call(user, "POST", f"{TRADING}/account/{path}", body)
    refusal(answer, 403, "account_suspended")
    found = (await venue.engine.query({"account": user.account_id}))["account"]
    assert parse_nanos(found["cash"], "cash") == 100_000 * NANOS


async def test_a_reset_does_not_forget_the_loss_that_an_administrator_limited(
    venue: Venue, administrator: dict[str, str]
) -> None:
    user = venue.user()
    account = f"{ADMIN}/accounts/{user.account_id}"
    limits = {"limits": {"max_daily_loss": "100"}}
    await venue.call(None, "PATCH", account, limits, administrator)
    symbol = await venue.instrument()
    await venue.order(user, symbol, quantity="100", limit_price="100")
    await venue.print(symbol, "99", 1000)  # fills it, a dollar a share below
    await venue.print(symbol, "98", 1)
    before = (await venue.engine.query({"account": user.account_id}))["account"]
    refusal(await venue.call(user, "POST", f"{TRADING}/account/reset"), 403, "daily_loss_limited")
    after = (await venue.engine.query({"account": user.account_id}))["account"]
    assert after == before and after["limits"]["max_daily_loss"] is not None
    await venue.call(None, "PATCH", account, {"limits": {}}, administrator)
    assert (await venue.call(user, "POST", f"{TRADING}/account/reset")).status_code == 201


FUNCTIONS = [
    ("POST", f"{ADMIN}/instruments/SPY/halt", None),
    ("POST", f"{ADMIN}/instruments/SPY/resume", None),
    ("PATCH", f"{ADMIN}/instruments/SPY", {"name": "Sly"}),
    ("PATCH", f"{ADMIN}/accounts/019400aa-0000-7000-8000-000000000001", {"state": "closed"}),
]


@pytest.mark.parametrize(("method", "path", "body"), FUNCTIONS)
async def test_users_may_not_call_administrators_functions(
    venue: Venue, method: str, path: str, body: Any
) -> None:
    user = venue.user()
    refusal(await venue.http.request(method, path, json=body, headers=user.bearer), 403, "scope_required")
    refusal(await venue.http.request(method, path, json=body, headers=user.key), 403, "scope_required")
    refusal(await venue.http.request(method, path, json=body), 401, "credential_required")


async def test_users_cannot_create_a_key_with_the_scope_admin(
    venue: Venue, user: User, platform: Platform
) -> None:
    for scopes in (["admin"], ["read", "admin"]):
        body = {"name": "sly", "scopes": scopes}
        answer = await venue.http.post("/api/v1/auth/api-keys", json=body, headers=user.bearer)
        refusal(answer, 422, "invalid_request")
    # The database refuses such a row too, if a function does not check.
    for owner, scopes in ((user.user_id, ["admin"]), (managed.ADMIN, ["read"])):
        await managed.create_admin_key("an administrator exists", platform.database, platform.settings)
        with pytest.raises(asyncpg.RaiseError, match="admin"):
            await managed.create_key(owner, uuid7(), "sly", scopes, platform.database)
    with pytest.raises(asyncpg.CheckViolationError):
        await managed.create_key(managed.ADMIN, uuid7(), "sly", ["read", "admin"], platform.database)


async def test_an_administrators_key_cannot_trade(venue: Venue, administrator: dict[str, str]) -> None:
    for method, path in (
        ("GET", f"{TRADING}/orders"),
        ("DELETE", f"{TRADING}/orders"),
        ("GET", "/api/v1/auth/me"),
        ("GET", "/api/v1/auth/api-keys"),
        ("POST", f"{TRADING}/account/reset"),
    ):
        refusal(await venue.call(None, method, path, None, administrator), 403, "scope_required")


async def test_administrator_and_managed_users_cannot_log_in(
    http: httpx.AsyncClient, platform: Platform
) -> None:
    await managed.create_admin_key("tests", platform.database, platform.settings)
    account = uuid7()
    await managed.make_user(
        account, managed.Manager(uuid7(), "team/bob", uuid7()), platform.database, platform.settings
    )
    names = await platform.database.fetch(
        "SELECT username, email FROM users WHERE is_admin OR account_id = $1", account
    )
    assert len(names) == 2
    for row in names:
        for body in ({"username": row["username"]}, {"email": row["email"]}):
            answer = await http.post("/api/v1/auth/login", json=body | {"password": PASSWORD})
            refusal(answer, 401, "invalid_login")


async def test_an_administrator_lists_splits_and_pays_a_dividend(
    venue: Venue, administrator: dict[str, str]
) -> None:
    symbol, user, other = await venue.instrument(lot=NANOS), venue.user(), venue.user()
    path = f"{ADMIN}/instruments"
    body = {"symbol": f"{symbol}.N", "name": "New", "tick": "0.05"}
    for _ in range(2):
        added = await venue.call(None, "POST", path, body, administrator)
        assert (added.status_code, added.json()["tick"], added.json()["lot"]) == (201, "0.05", "1")
    refusal(
        await venue.call(None, "POST", path, {**body, "tick": "1"}, administrator),
        409,
        "instrument_exists",
        "symbol",
    )
    refusal(
        await venue.call(None, "POST", path, {"symbol": f"{symbol}.Z", "tick": "0"}, administrator),
        422,
        "invalid_instrument",
    )
    refusal(await venue.call(user, "POST", path, body), 403, "scope_required")
    await venue.order(other, symbol, side="sell", quantity="10")
    await venue.market(user, symbol, "buy", "10")
    split = await venue.call(
        None, "POST", f"{path}/{symbol}/split", {"numerator": 2, "denominator": 1}, administrator
    )
    assert (split.status_code, split.json()["kind"]) == (200, "split"), split.text
    position = await venue.get(user, f"/api/v1/trading/positions/{symbol}")
    assert (position["quantity"], position["average_price"]) == ("20", "50")
    cash = Decimal((await venue.get(user, "/api/v1/trading/portfolio"))["cash"])
    paid = await venue.call(None, "POST", f"{path}/{symbol}/dividend", {"amount": "0.5"}, administrator)
    assert paid.status_code == 200, paid.text
    assert Decimal((await venue.get(user, "/api/v1/trading/portfolio"))["cash"]) == cash + 10
    unknown = await venue.call(
        None, "POST", f"{path}/NOSUCH/split", {"numerator": 2, "denominator": 1}, administrator
    )
    refusal(unknown, 404, "unknown_symbol")


def test_factors_after_a_split_and_a_dividend() -> None:
    """In the order of days; a factor of an earlier day includes those of later ones."""
    first = instruments.after_split([], date(2024, 3, 7), 2, 1)
    assert first == [(date(2024, 3, 7), Decimal(1), Decimal("0.5"))]
    both = instruments.after_dividend(first, date(2024, 3, 8), 1 * NANOS, 100 * NANOS)
    assert both == [
        (date(2024, 3, 7), Decimal("0.99"), Decimal("0.5")),
        (date(2024, 3, 8), Decimal("0.99"), Decimal(1)),
    ]
    again = instruments.after_split(both, date(2024, 3, 8), 1, 4)
    assert [split for _, _, split in again] == [Decimal(2), Decimal(4)], "on the same day"
