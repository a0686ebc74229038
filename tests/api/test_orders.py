"""Orders over HTTP: every type, its results, and that reads show the caller's own writes."""

from typing import Any

import pytest

from tests.target import DEADLINE_S
from tests.venue import TRADING, Venue, new_id, refusal


async def placed_equals_read(venue: Venue, user: Any, view: dict[str, Any]) -> dict[str, Any]:
    """The order as read immediately afterwards. It must equal the answer."""
    read = await venue.get_order(user, view["id"])
    if view["type"] == "trailing_stop":
        view = {**view, "stop_price": read["stop_price"]}  # the engine sets it from the reference price
    assert read == view
    return read


async def test_resting_limit_orders_are_filled_in_time_priority(venue: Venue) -> None:
    symbol = await venue.instrument()
    first, second, taker = venue.user(), venue.user(), venue.user()
    one = await venue.order(first, symbol, quantity="10")
    two = await venue.order(second, symbol, quantity="10")
    assert (one["status"], one["remaining_quantity"]) == ("new", "10")
    await placed_equals_read(venue, first, one)
    sold = await venue.market(taker, symbol, "sell", "15")
    assert (sold["status"], sold["filled_quantity"], sold["average_fill_price"]) == ("filled", "15", "100")
    await placed_equals_read(venue, taker, sold)
    one, two = await venue.get_order(first, one["id"]), await venue.get_order(second, two["id"])
    assert (one["status"], one["filled_quantity"]) == ("filled", "10")
    assert (two["status"], two["filled_quantity"], two["remaining_quantity"]) == (
        "partially_filled",
        "5",
        "5",
    )
    fills = (await venue.get(second, "fills", order_id=two["id"]))["items"]
    assert [(f["side"], f["liquidity"], f["quantity"], f["price"]) for f in fills] == [
        ("buy", "maker", "5", "100")
    ]


async def test_market_order_without_liquidity_is_canceled(venue: Venue) -> None:
    user, symbol = venue.user(), await venue.instrument()
    view = await venue.market(user, symbol, "buy", "5")
    assert (view["status"], view["reason"]) == ("canceled", "no_liquidity")
    await placed_equals_read(venue, user, view)


@pytest.mark.parametrize(
    ("time_in_force", "status", "reason", "filled"),
    [("ioc", "canceled", "immediate_or_cancel", "4"), ("fok", "canceled", "fill_or_kill", "0")],
)
async def test_ioc_and_fok(venue: Venue, time_in_force: str, status: str, reason: str, filled: str) -> None:
    symbol, maker, taker = await venue.instrument(), venue.user(), venue.user()
    await venue.order(maker, symbol, side="sell", quantity="4")
    view = await venue.order(taker, symbol, quantity="10", time_in_force=time_in_force)
    assert (view["status"], view["reason"], view["filled_quantity"]) == (status, reason, filled)
    await placed_equals_read(venue, taker, view)


async def test_stop_and_stop_limit_orders_trigger_at_their_price(venue: Venue) -> None:
    symbol, maker, user = await venue.instrument(), venue.user(), venue.user()
    stop = await venue.order(user, symbol, type="stop", stop_price="101", limit_price=None, quantity="3")
    limit = await venue.order(
        user, symbol, type="stop_limit", stop_price="101", limit_price="101.50", quantity="2"
    )
    assert stop["status"] == limit["status"] == "pending"
    await placed_equals_read(venue, user, stop)
    await venue.order(maker, symbol, side="sell", limit_price="101.20", quantity="10")
    await venue.print(symbol, "101")
    stop, limit = await venue.get_order(user, stop["id"]), await venue.get_order(user, limit["id"])
    assert (stop["status"], stop["average_fill_price"]) == ("filled", "101.2")
    assert (limit["status"], limit["average_fill_price"]) == ("filled", "101.2")


async def test_trailing_stop_follows_the_market(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    amount = await venue.order(
        user, symbol, type="trailing_stop", side="sell", trail_amount="2", limit_price=None, quantity="1"
    )
    percent = await venue.order(
        user, symbol, type="trailing_stop", side="sell", trail_percent="1.5", limit_price=None, quantity="1"
    )
    assert (amount["trail_amount"], amount["trail_percent"]) == ("2", None)
    assert (percent["trail_amount"], percent["trail_percent"]) == (None, "1.5")
    assert (await placed_equals_read(venue, user, amount))["stop_price"] == "98"
    assert (await placed_equals_read(venue, user, percent))["stop_price"] == "98.5"
    await venue.print(symbol, "102")
    assert (await venue.get_order(user, amount["id"]))["stop_price"] == "100"
    assert (await venue.get_order(user, percent["id"]))["stop_price"] == "100.47"


async def test_an_iceberg_shows_its_display_quantity(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    view = await venue.order(user, symbol, quantity="100", display_quantity="10")
    await placed_equals_read(venue, user, view)
    book = await venue.get(None, f"/api/v1/market-data/book/{symbol}")
    assert book["bids"] == [{"price": "100", "quantity": "10", "orders": 1}]


async def test_post_only_and_reduce_only(venue: Venue) -> None:
    symbol, maker, user = await venue.instrument(), venue.user(), venue.user()
    await venue.order(maker, symbol, side="sell")
    refusal(await venue.try_order(user, symbol, post_only=True), 422, "post_only_would_cross", "post_only")
    refusal(
        await venue.try_order(user, symbol, side="sell", limit_price="101", reduce_only=True),
        422,
        "reduce_only_would_increase",
        "reduce_only",
    )
    await venue.order(user, symbol)
    view = await venue.order(user, symbol, side="sell", limit_price="101", reduce_only=True)
    assert view["reduce_only"] is True
    await placed_equals_read(venue, user, view)


async def test_a_gtd_order_expires(venue: Venue) -> None:
    from cift.kernel.clock import now_ns, rfc3339
    from tests.target import eventually

    symbol, user = await venue.instrument(), venue.user()
    at = rfc3339(now_ns() + 6_000_000_000)
    view = await venue.order(user, symbol, time_in_force="gtd", expire_at=at)
    assert view["expire_at"] == at
    await placed_equals_read(venue, user, view)

    import httpx

    def expired() -> dict[str, Any] | None:
        answer = httpx.get(
            f"{venue.exchange.url}{TRADING}/orders/{view['id']}", headers=user.key, timeout=DEADLINE_S
        ).json()
        return answer if answer["status"] == "expired" else None

    assert eventually(expired, "the order expires")["reason"] == "time_reached"


async def test_self_trade_prevention(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    resting = await venue.order(user, symbol, side="sell")
    newest = await venue.order(user, symbol)
    assert (newest["status"], newest["reason"]) == ("canceled", "self_trade")
    oldest = await venue.order(user, symbol, self_trade_prevention="cancel_oldest")
    assert oldest["status"] == "new"
    ended = await venue.get_order(user, resting["id"])
    assert (ended["status"], ended["reason"]) == ("canceled", "self_trade")
    both = await venue.order(user, symbol, side="sell", self_trade_prevention="cancel_both")
    assert both["status"] == "canceled"
    assert (await venue.get_order(user, oldest["id"]))["status"] == "canceled"
    await venue.order(user, symbol, side="sell")
    alone = await venue.order(user, symbol, self_trade_prevention="none")
    assert alone["status"] == "filled"
    assert (await venue.get(user, "positions"))["items"] == []


async def test_a_bracket_activates_and_cancels_its_legs(venue: Venue) -> None:
    symbol, other, user = await venue.instrument(), venue.user(), venue.user()
    entry = await venue.order(
        user,
        symbol,
        time_in_force="gtc",
        order_class="bracket",
        take_profit={"limit_price": "105"},
        stop_loss={"stop_price": "95", "limit_price": "94.50"},
    )
    await placed_equals_read(venue, user, entry)
    profit, loss = [await venue.get_order(user, leg) for leg in entry["legs"]]
    assert (profit["type"], profit["limit_price"], profit["status"]) == ("limit", "105", "held")
    assert (loss["type"], loss["stop_price"], loss["limit_price"]) == ("stop_limit", "95", "94.5")
    assert {profit["parent_id"], loss["parent_id"]} == {entry["id"]}
    assert profit["order_class"] == "bracket"
    assert profit["time_in_force"] == "gtc"
    await venue.order(other, symbol, side="sell", quantity="4")
    legs = [await venue.get_order(user, leg) for leg in entry["legs"]]
    assert [(leg["status"], leg["quantity"]) for leg in legs] == [("new", "4"), ("pending", "4")]
    await venue.order(other, symbol, side="sell", quantity="6")
    profit, loss = [await venue.get_order(user, leg) for leg in entry["legs"]]
    assert (profit["status"], loss["status"]) == ("new", "pending")
    await venue.order(other, symbol, limit_price="105")
    profit, loss = [await venue.get_order(user, leg) for leg in entry["legs"]]
    assert (profit["status"], loss["status"], loss["reason"]) == ("filled", "canceled", "sibling_done")
    position = await venue.get(user, f"positions/{symbol}")
    assert (position["side"], position["quantity"], position["realized_pnl"]) == ("flat", "0", "50")


async def test_oco_and_oto(venue: Venue) -> None:
    symbol, other, user = await venue.instrument(), venue.user(), venue.user()
    oto = await venue.order(user, symbol, order_class="oto", stop_loss={"stop_price": "95"})
    assert len(oto["legs"]) == 1
    await placed_equals_read(venue, user, oto)
    await venue.order(other, symbol, side="sell")
    assert (await venue.get_order(user, oto["legs"][0]))["status"] == "pending"
    await venue.call(user, "DELETE", f"{TRADING}/orders/{oto['legs'][0]}")
    oco = await venue.order(
        user, symbol, side="sell", limit_price="104", order_class="oco", stop_loss={"stop_price": "96"}
    )
    await placed_equals_read(venue, user, oco)
    await venue.order(other, symbol, side="buy", limit_price="95.50", quantity="10")
    await venue.print(symbol, "96")
    ended, stop = await venue.get_order(user, oco["id"]), await venue.get_order(user, oco["legs"][0])
    assert (ended["status"], ended["reason"]) == ("canceled", "sibling_done")
    assert (stop["status"], stop["average_fill_price"]) == ("filled", "95.5")


async def test_replace_and_cancel(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    order = await venue.order(user, symbol)
    path = f"{TRADING}/orders/{order['id']}"
    changed = await venue.call(user, "PATCH", path, {"quantity": "7", "limit_price": "99.5"})
    assert changed.status_code == 200, changed.text
    view = changed.json()
    assert (view["quantity"], view["limit_price"], view["status"]) == ("7", "99.5", "new")
    assert view == await venue.get_order(user, order["id"])
    refusal(await venue.call(user, "PATCH", path, {}), 422, "nothing_to_replace")
    refusal(
        await venue.call(user, "PATCH", path, {"stop_price": "99"}),
        422,
        "stop_price_not_allowed",
        "stop_price",
    )
    ended = await venue.call(user, "DELETE", path)
    assert ended.status_code == 200, ended.text
    assert (ended.json()["status"], ended.json()["reason"]) == ("canceled", "by_user")
    assert ended.json() == await venue.get_order(user, order["id"])
    error = refusal(await venue.call(user, "DELETE", path), 409, "order_not_open")
    assert "canceled" in error["message"]
    refusal(await venue.call(user, "PATCH", path, {"quantity": "3"}), 409, "order_not_open")
    for id in (new_id(), "nonsense"):
        refusal(await venue.call(user, "DELETE", f"{TRADING}/orders/{id}"), 404, "order_not_found")
        refusal(
            await venue.call(user, "PATCH", f"{TRADING}/orders/{id}", {"quantity": "3"}),
            404,
            "order_not_found",
        )
        refusal(await venue.call(user, "GET", f"{TRADING}/orders/{id}"), 404, "order_not_found")


async def test_cancel_all(venue: Venue) -> None:
    one, two, user = await venue.instrument(), await venue.instrument(), venue.user()
    for symbol in (one, one, two):
        await venue.order(user, symbol)
    answer = await venue.call(user, "DELETE", f"{TRADING}/orders?symbol={one.lower()}")
    assert answer.json() == {"canceled": 2}
    assert [o["symbol"] for o in (await venue.get(user, "orders", status="open"))["items"]] == [two]
    assert (await venue.call(user, "DELETE", f"{TRADING}/orders")).json() == {"canceled": 1}
    assert (await venue.get(user, "orders", status="open"))["items"] == []


async def test_lists_are_filtered_and_paged(venue: Venue) -> None:
    one, two, user = await venue.instrument(), await venue.instrument(), venue.user()
    ids = [(await venue.order(user, one, quantity="1", client_order_id=f"n-{n}"))["id"] for n in range(7)]
    other = (await venue.order(user, two, quantity="1"))["id"]
    await venue.call(user, "DELETE", f"{TRADING}/orders/{ids[0]}")
    seen, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = await venue.get(user, "orders", **query)
        seen += [o["id"] for o in page["items"]]
        if cursor is None:  # a new row does not move the next pages
            await venue.order(user, one, quantity="1")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [other, *reversed(ids)]
    closed = (await venue.get(user, "orders", status="closed"))["items"]
    assert [o["id"] for o in closed] == [ids[0]]
    assert [o["id"] for o in (await venue.get(user, "orders", symbol=two))["items"]] == [other]
    assert [o["id"] for o in (await venue.get(user, "orders", client_order_id="n-3"))["items"]] == [ids[3]]
    for cursor in ("!", "bm9wZQ", "MTox", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6YQ"):
        answer = await venue.call(user, "GET", f"{TRADING}/orders?cursor={cursor}")
        refusal(answer, 422, "invalid_cursor", "cursor")


async def test_orders_with_a_key_and_a_lasting_refusal_are_kept_with_their_reason(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    error = refusal(
        await venue.try_order(user, symbol, limit_price="99.005", client_order_id="kept"),
        422,
        "price_not_on_tick",
        "limit_price",
    )
    assert "0.01" in error["message"]
    kept = await venue.get_order(user, error["id"])
    assert (kept["status"], kept["reason"], kept["limit_price"]) == (
        "rejected",
        "price_not_on_tick",
        "99.005",
    )


async def test_risk_check_and_max_order_size_agree_with_the_engine(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    body = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "10", "limit_price": "100"}
    check = (await venue.call(user, "POST", f"{TRADING}/risk/check", body)).json()
    assert (check["admitted"], check["reserve"], check["buying_power"]) == (True, "1000", "200000")
    size = await venue.get(user, f"risk/max-order-size/{symbol}", side="buy", type="limit", limit_price="100")
    assert size["quantity"] == "2000"
    too_many = {**body, "quantity": "2001"}
    check = (await venue.call(user, "POST", f"{TRADING}/risk/check", too_many)).json()
    assert (check["admitted"], check["reason"]) == (False, "insufficient_buying_power")
    assert "200000" in check["message"]
    refusal(
        await venue.try_order(user, symbol, quantity="2001"), 422, "insufficient_buying_power", "quantity"
    )
    assert (await venue.order(user, symbol, quantity="2000"))["status"] == "new"
    assert (await venue.get(user, "orders", status="open"))["items"][0]["quantity"] == "2000"
