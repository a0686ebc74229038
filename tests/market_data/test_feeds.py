"""The state of a feed: alive, stale or closed."""

from typing import Any

import orjson

from cift.kernel.clock import now_ns
from cift.kernel.ids import uuid7
from cift.market_data.feeds import states
from functions.feeds.detect_stale_feed import detect_stale_feed
from tests.venue import Venue

S = 10**9


def test_a_silent_feed_is_stale_unless_the_market_is_closed() -> None:
    def state(alive_at: int | None, at: int, *, closed: bool = False, silence: int = 5 * S) -> str:
        answer: Any = {"feeds": [{"feed": 1, "silence_ns": silence, "alive_at": alive_at}], "closed": closed}
        return states(answer, at)[0].state

    assert state(10 * S, 14 * S) == "alive"
    assert state(10 * S, 16 * S) == "stale"
    assert state(10 * S, 12 * S, silence=S) == "stale", "the feed's own limit is shorter"
    assert state(10 * S, 16 * S, silence=3600 * S) == "stale", (
        "a feed is stale after five seconds at the latest"
    )
    assert state(None, 16 * S) == "stale"
    assert state(None, 16 * S, closed=True) == "closed"


async def test_the_state_in_valkey_follows_the_feed(venue: Venue) -> None:
    feed, symbol = 77, await venue.instrument(price=None)
    house_account = uuid7()
    valkey, engine = venue.platform.valkey, venue.engine
    await venue.command(
        type="open_account", account=house_account, kind="margin", role="house", currency="USD"
    )
    await venue.command(type="define_feed", feed=feed, house=house_account, silence_ns=3600 * S)

    async def state() -> str:
        await detect_stale_feed(engine, valkey)
        found = orjson.loads(await valkey.run(valkey.client.get(f"feed:{feed}")))
        return str(found["state"])

    assert await state() == "stale", "it has sent nothing"
    await venue.command(
        type="outside_trade", feed=feed, source_sequence=now_ns(), symbol=symbol, price=S, quantity=S
    )
    assert await state() == "alive"
    answer = await engine.query({"feeds": {}})
    (mine,) = [each for each in answer["feeds"] if each["feed"] == feed]
    assert abs(mine["alive_at"] - now_ns()) < 60 * S
