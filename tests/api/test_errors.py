"""Every invalid request is answered with status, code and field."""

from typing import Any

import pytest

from tests.venue import MARKET, TRADING, Venue, refusal

HUGE = "9" * 25
# Changes to a valid limit order (None removes the field), then status, code and field.
ORDERS: list[tuple[dict[str, Any], int, str, str | None]] = [
    ({"quantity": "-1"}, 422, "invalid_request", "quantity"),
    ({"quantity": "0"}, 422, "quantity_out_of_range", "quantity"),
    ({"quantity": "NaN"}, 422, "invalid_request", "quantity"),
    ({"quantity": "Infinity"}, 422, "invalid_request", "quantity"),
    ({"quantity": "1e3"}, 422, "invalid_request", "quantity"),
    ({"quantity": "0x10"}, 422, "invalid_request", "quantity"),
    ({"quantity": "١٢"}, 422, "invalid_request", "quantity"),
    ({"quantity": ""}, 422, "invalid_request", "quantity"),
    ({"quantity": 1.5}, 422, "quantity_not_on_lot", "quantity"),
    ({"quantity": 1e-10}, 422, "invalid_request", "quantity"),
    ({"quantity": True}, 422, "invalid_request", "quantity"),
    ({"quantity": ["1"]}, 422, "invalid_request", "quantity"),
    ({"quantity": "0.5"}, 422, "quantity_not_on_lot", "quantity"),
    ({"quantity": "0.0000000001"}, 422, "invalid_request", "quantity"),
    ({"quantity": "2000000000"}, 422, "quantity_out_of_range", "quantity"),
    ({"quantity": "10000000000"}, 422, "quantity_out_of_range", "quantity"),
    ({"quantity": HUGE}, 422, "invalid_request", "quantity"),
    ({"quantity": None}, 422, "invalid_request", "quantity"),
    ({"limit_price": "-100"}, 422, "invalid_request", "limit_price"),
    ({"limit_price": "0"}, 422, "price_out_of_range", "limit_price"),
    ({"limit_price": "99.001"}, 422, "price_not_on_tick", "limit_price"),
    ({"limit_price": "99.0000000001"}, 422, "invalid_request", "limit_price"),
    ({"limit_price": "20000000"}, 422, "price_out_of_range", "limit_price"),
    ({"limit_price": "99999999999"}, 422, "price_out_of_range", "limit_price"),
    ({"limit_price": "nan"}, 422, "invalid_request", "limit_price"),
    ({"limit_price": None}, 422, "limit_price_required", "limit_price"),
    ({"limit_price": "111"}, 422, "price_outside_band", "limit_price"),
    ({"type": "market"}, 422, "limit_price_not_allowed", "limit_price"),
    ({"type": "stop", "limit_price": None}, 422, "stop_price_required", "stop_price"),
    ({"stop_price": "99"}, 422, "stop_price_not_allowed", "stop_price"),
    ({"type": "trailing_stop", "limit_price": None}, 422, "trail_required", "trail_amount"),
    ({"trail_amount": "1"}, 422, "trail_not_allowed", "trail_amount"),
    (
        {"type": "trailing_stop", "limit_price": None, "trail_amount": "1", "trail_percent": "1"},
        422,
        "invalid_request",
        "trail_percent",
    ),
    (
        {"type": "trailing_stop", "limit_price": None, "trail_percent": "0.00001"},
        422,
        "invalid_request",
        "trail_percent",
    ),
    (
        {"type": "trailing_stop", "limit_price": None, "trail_percent": "100"},
        422,
        "trail_out_of_range",
        "trail_percent",
    ),
    ({"display_quantity": "11"}, 422, "display_quantity_not_allowed", "display_quantity"),
    ({"post_only": True, "time_in_force": "ioc"}, 422, "post_only_not_allowed", "post_only"),
    ({"post_only": "yes please"}, 422, "invalid_request", "post_only"),
    ({"time_in_force": "opg"}, 422, "invalid_request", "time_in_force"),
    ({"time_in_force": "gtd"}, 422, "invalid_request", "expire_at"),
    ({"expire_at": "2030-01-01T00:00:00Z"}, 422, "invalid_request", "expire_at"),
    ({"time_in_force": "gtd", "expire_at": "tomorrow"}, 422, "invalid_request", "expire_at"),
    ({"time_in_force": "gtd", "expire_at": "2001-01-01T00:00:00Z"}, 422, "expiry_in_the_past", "expire_at"),
    ({"side": "hold"}, 422, "invalid_request", "side"),
    ({"side": 1}, 422, "invalid_request", "side"),
    ({"type": None}, 422, "invalid_request", "type"),
    ({"order_type": "market"}, 422, "invalid_request", "order_type"),
    ({"symbol": "NOSUCH"}, 404, "unknown_symbol", "symbol"),
    ({"symbol": ""}, 422, "invalid_request", "symbol"),
    ({"symbol": "A" * 17}, 422, "invalid_request", "symbol"),
    ({"symbol": "SPY\u0000"}, 422, "invalid_request", "symbol"),
    ({"symbol": "'; DROP TABLE orders"}, 422, "invalid_request", "symbol"),
    ({"symbol": None}, 422, "invalid_request", "symbol"),
    ({"client_order_id": ""}, 422, "invalid_request", "client_order_id"),
    ({"client_order_id": "x" * 65}, 422, "invalid_request", "client_order_id"),
    ({"client_order_id": "a b"}, 422, "invalid_request", "client_order_id"),
    ({"limt_price": "99"}, 422, "invalid_request", "limt_price"),
    ({"account_id": "someone else"}, 422, "invalid_request", "account_id"),
    ({"take_profit": {"limit_price": "105"}}, 422, "invalid_legs", "order_class"),
    ({"order_class": "bracket", "take_profit": {"limit_price": "105"}}, 422, "invalid_legs", "stop_loss"),
    ({"order_class": "oco"}, 422, "invalid_legs", "stop_loss"),
    (
        {"order_class": "bracket", "take_profit": {"limit_price": "95"}, "stop_loss": {"stop_price": "105"}},
        422,
        "invalid_legs",
        "order_class",
    ),
    (
        {"order_class": "bracket", "take_profit": {"limit_price": "-5"}, "stop_loss": {"stop_price": "95"}},
        422,
        "invalid_request",
        "take_profit.limit_price",
    ),
    (
        {
            "order_class": "bracket",
            "take_profit": {"limit_price": "105.001"},
            "stop_loss": {"stop_price": "95"},
        },
        422,
        "price_not_on_tick",
        "take_profit.limit_price",
    ),
    ({"quantity": "100000"}, 422, "insufficient_buying_power", "quantity"),
    ({"side": "sell", "quantity": "100000"}, 422, "insufficient_buying_power", "quantity"),
]


@pytest.mark.parametrize(("changed", "status", "code", "field"), ORDERS, ids=lambda value: str(value)[:60])
async def test_order(
    venue: Venue, changed: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    user, symbol = await _shared(venue)
    refusal(await venue.try_order(user, **{"symbol": symbol, **changed}), status, code, field)


_SHARED: list[Any] = []


async def _shared(venue: Venue) -> Any:
    if not _SHARED:
        _SHARED.extend((venue.user(), await venue.instrument()))
    return _SHARED


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b"[]", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b'{"quantity": NaN}', 422, "invalid_request"),
        (b"{}" + b" " * 70_000, 413, "body_too_large"),
        (b'{"a":' * 500, 400, "invalid_json"),
    ],
)
async def test_body(venue: Venue, body: bytes, status: int, code: str) -> None:
    user, _ = await _shared(venue)
    headers = {**user.key, "Content-Type": "application/json"}
    answer = await venue.http.post(f"{TRADING}/orders", content=body, headers=headers)
    refusal(answer, status, code)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("GET", f"{TRADING}/orders?status=maybe", None, 422, "invalid_request", "status"),
        ("GET", f"{TRADING}/orders?limit=0", None, 422, "invalid_request", "limit"),
        ("GET", f"{TRADING}/orders?limit=501", None, 422, "invalid_request", "limit"),
        ("GET", f"{TRADING}/orders?limit=ten", None, 422, "invalid_request", "limit"),
        ("GET", f"{TRADING}/orders?nonsense=1", None, 422, "invalid_request", "nonsense"),
        ("GET", f"{TRADING}/fills?order_id=nope", None, 404, "order_not_found", None),
        ("GET", f"{TRADING}/fills?cursor=bm9wZQ", None, 422, "invalid_cursor", "cursor"),
        ("GET", f"{TRADING}/transactions?kind=theft", None, 422, "invalid_request", "kind"),
        ("GET", f"{TRADING}/positions/NEVERHELD", None, 404, "position_not_found", "symbol"),
        ("POST", f"{TRADING}/account/deposit", {"amount": "-5"}, 422, "invalid_request", "amount"),
        ("POST", f"{TRADING}/account/deposit", {"amount": "0"}, 422, "amount_out_of_range", "amount"),
        (
            "POST",
            f"{TRADING}/account/deposit",
            {"amount": "9999999999999"},
            422,
            "amount_out_of_range",
            "amount",
        ),
        ("POST", f"{TRADING}/account/deposit", {}, 422, "invalid_request", "amount"),
        ("POST", f"{TRADING}/account/withdraw", {"amount": "100000000"}, 422, "insufficient_cash", "amount"),
        ("POST", f"{TRADING}/account/reset", {"cash": "-1"}, 422, "invalid_request", "cash"),
        ("GET", f"{TRADING}/risk/max-order-size/NOSUCH?side=buy", None, 404, "unknown_symbol", "symbol"),
        ("GET", f"{TRADING}/risk/max-order-size/SPY", None, 422, "invalid_request", "side"),
        ("GET", f"{MARKET}/quote/NOSUCH", None, 404, "unknown_symbol", "symbol"),
        ("GET", f"{MARKET}/quote/%00", None, 404, "unknown_symbol", "symbol"),
        ("GET", f"{MARKET}/quotes?symbols=,", None, 422, "invalid_request", "symbols"),
        ("GET", f"{MARKET}/quotes", None, 422, "invalid_request", "symbols"),
        (
            "GET",
            f"{MARKET}/quotes?symbols=" + ",".join(f"A{n}" for n in range(101)),
            None,
            422,
            "invalid_request",
            None,
        ),
        ("GET", f"{MARKET}/book/NOSUCH", None, 404, "unknown_symbol", "symbol"),
        ("GET", f"{MARKET}/book/SPY?depth=0", None, 422, "invalid_request", "depth"),
        ("GET", f"{MARKET}/trades/NOSUCH", None, 404, "unknown_symbol", "symbol"),
        ("GET", f"{MARKET}/bars/NOSUCH", None, 404, "unknown_symbol", "symbol"),
        ("GET", f"{MARKET}/bars/SPY?interval=2m", None, 422, "invalid_interval", "interval"),
        ("GET", f"{MARKET}/bars/SPY?interval=2x", None, 422, "invalid_request", "interval"),
        ("GET", f"{MARKET}/bars/SPY?start=yesterday", None, 422, "invalid_time", "start"),
        (
            "GET",
            f"{MARKET}/bars/SPY?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z",
            None,
            422,
            "invalid_range",
            "start",
        ),
        ("DELETE", f"{TRADING}/orders?symbol=a'b", None, 422, "invalid_request", "symbol"),
        ("PUT", f"{TRADING}/orders", None, 405, "method_not_allowed", None),
        ("GET", f"{TRADING}/nothing", None, 404, "not_found", None),
    ],
)
async def test_request(
    venue: Venue, method: str, path: str, body: Any, status: int, code: str, field: str | None
) -> None:
    user, _ = await _shared(venue)
    refusal(await venue.call(user, method, path, body), status, code, field)
