"""`start` and `end` of lists."""

from tests.venue import TRADING, Venue, refusal


async def test_orders_fills_and_transactions_of_a_range(venue: Venue) -> None:
    """`start` is included, `end` is not."""
    symbol, user, other = await venue.instrument(), venue.user(), venue.user()
    for quantity in ("1", "2"):
        await venue.order(other, symbol, side="sell", quantity=quantity)
        await venue.market(user, symbol, "buy", quantity)
    for path, moment in (("orders", "created_at"), ("fills", "executed_at"), ("transactions", "created_at")):
        query = {"symbol": symbol} if path != "transactions" else {"kind": "trade"}
        newest, oldest = (await venue.get(user, f"{TRADING}/{path}", **query))["items"]
        at = newest[moment]

        async def listed(**span: str) -> list[object]:
            return list((await venue.get(user, f"{TRADING}/{path}", **query, **span))["items"])  # noqa: B023

        assert await listed(start=at) == [newest], path
        assert await listed(end=at) == [oldest], path
        assert await listed(start=oldest[moment], end=at) == [oldest], path
        answer = await venue.call(user, "GET", f"{TRADING}/{path}?start={at}&end={at}")
        refusal(answer, 422, "invalid_range", "start")
        answer = await venue.call(user, "GET", f"{TRADING}/{path}?start=yesterday")
        refusal(answer, 422, "invalid_time", "start")
