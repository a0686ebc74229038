"""Bars of a stream: the same trades as those of `GET bars` by default."""

from tests.streams.client import Client
from tests.target import DEADLINE_S
from tests.venue import Venue

MINUTE_S = 60.0


async def test_a_bar_contains_outside_prints_and_own_trades(venue: Venue) -> None:
    """A bar ends with its minute; the two trades may fall into two minutes."""
    symbol, one, two = await venue.instrument(price="100"), venue.user(), venue.user()
    async with await Client.open(venue.exchange.url) as client:
        await client.subscribe(symbol, channels=["bars"])
        await venue.order(one, symbol, side="sell", quantity="2")
        await venue.market(two, symbol, "buy", "2")
        await venue.print(symbol, "101", 3)
        volume, highest = 0.0, 0.0
        while highest < 101:
            message = await client.next(MINUTE_S + DEADLINE_S)
            if message["type"] == "bar":
                volume += float(message["volume"])
                highest = max(highest, float(message["high"]))
        assert volume >= 5, "2 of this exchange and 3 of the print"
