"""Closing a position by one request."""

from tests.venue import TRADING, Venue, refusal


async def test_a_position_is_closed_in_parts_and_once(venue: Venue) -> None:
    symbol, user, maker = await venue.instrument(), venue.user(), venue.user()
    path = f"{TRADING}/positions/{symbol}"
    await venue.order(maker, symbol, side="sell", quantity="10", limit_price="100")
    await venue.market(user, symbol, "buy", "10")
    await venue.order(maker, symbol, side="buy", quantity="20", limit_price="99.50")

    refusal(await venue.call(user, "DELETE", f"{path}?quantity=11"), 422, "insufficient_position", "quantity")
    part = await venue.call(user, "DELETE", f"{path}?quantity=4")
    assert part.status_code == 200, part.text
    assert (part.json()["side"], part.json()["filled_quantity"]) == ("sell", "4")
    assert part.json()["reduce_only"] is True
    key = {"Idempotency-Key": "close-1"}
    first = await venue.call(user, "DELETE", f"{TRADING}/positions/{symbol.lower()}", headers=key)
    again = await venue.call(user, "DELETE", path, headers=key)
    assert (first.json()["filled_quantity"], again.json()["id"]) == ("6", first.json()["id"])
    assert (await venue.get(user, f"positions/{symbol}"))["quantity"] == "0"
    assert len((await venue.get(user, "orders"))["items"]) == 3
    refusal(await venue.call(user, "DELETE", path), 404, "position_not_found", "symbol")


async def test_a_short_position_is_bought_back(venue: Venue) -> None:
    symbol, user, maker = await venue.instrument(), venue.user(), venue.user()
    await venue.order(maker, symbol, side="buy", quantity="5", limit_price="100")
    await venue.market(user, symbol, "sell", "5")
    await venue.order(maker, symbol, side="sell", quantity="5", limit_price="100.50")
    closed = await venue.call(user, "DELETE", f"{TRADING}/positions/{symbol}")
    assert (closed.json()["side"], closed.json()["status"]) == ("buy", "filled")
