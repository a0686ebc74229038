"""Raw ticks of a feed reach the stream TICKS, each once, also after an outage of the stream."""

import asyncio
from typing import Any

import pytest
from cift_core.ticks import decode_ticks

from cift.feeds import raw_ticks
from cift.feeds.outside import Bar, Quote, Trade
from cift.feeds.raw_ticks import RawTicks
from cift.kernel.errors import Unavailable
from cift.kernel.ids import uuid7
from cift.platform.stores import Platform
from tests.target import DEADLINE_S

N = 10**9
AT_NS = 1_700_000_000 * N


def trade(symbol: str, number: int, at_ns: int = AT_NS) -> Trade:
    return Trade(symbol, at_ns, 100 * N + number, N, str(number), conditions=0x20)


async def in_stream(platform: Platform, feed: str) -> list[dict[str, Any]]:
    """The batches of a feed in TICKS."""
    js = await platform.nats.jetstream()
    subscription = await js.subscribe(f"ticks.{feed}.*", stream="TICKS", ordered_consumer=True)
    found, pending = [], 1
    while pending:
        message = await subscription.next_msg(timeout=DEADLINE_S)
        found.append(decode_ticks(message.data))
        pending = message.metadata.num_pending
    await subscription.unsubscribe()
    return found


async def test_trades_and_quotes_get_sequences_from_their_times_and_other_ticks_are_left_out(
    platform: Platform,
) -> None:
    feed = "t" + uuid7()[-12:]
    raw = RawTicks(platform.ticks, feed)
    quote = Quote("BRK.B", AT_NS + 5, 1 * N, 2 * N, 3 * N, 4 * N)
    async with raw.sending():
        raw.put(feed, [trade("BRK.B", 1), trade("BRK.B", 2), quote])
        raw.put(feed, [Bar("BRK.B", AT_NS, 60, 1, 1, 1, 1, 1, 1, 1), trade("BRK.B", 3, AT_NS - 7)])
    trades, quotes = sorted(
        await in_stream(platform, feed), key=lambda batch: str(batch["kind"]), reverse=True
    )
    assert list(trades["sequences"]) == [AT_NS, AT_NS + 1, AT_NS + 2], (
        "increasing, also where the time is not"
    )
    assert list(trades["times"]) == [AT_NS, AT_NS, AT_NS - 7]
    assert list(trades["prices"]) == [100 * N + number for number in (1, 2, 3)]
    assert list(trades["conditions"]) == [0x20] * 3 and trades["symbol"] == "BRK.B"
    assert [list(quotes[name]) for name in ("bids", "bid_quantities", "asks", "ask_quantities")] == [
        [1 * N], [2 * N], [3 * N], [4 * N],
    ]  # fmt: skip


class Stream:
    """A model of TICKS that does not respond while `away`."""

    def __init__(self) -> None:
        self.away = True
        self.received: list[dict[str, Any]] = []
        self.ids: list[int] = []

    async def publish(self, feed: str, symbol: str, kind: str, first: int, batch: bytes) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("ticks_unavailable", "away")
        self.received.append(decode_ticks(batch))
        self.ids.append(first)


async def test_pending_ticks_are_bounded_while_the_stream_is_away_and_lost_ones_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(raw_ticks, "PENDING_MAX", 100)
    monkeypatch.setattr(raw_ticks, "RETRY_S", 0.01)
    monkeypatch.setattr(raw_ticks, "FLUSH_S", 0.01)
    stream = Stream()
    raw = RawTicks(stream, "away")  # type: ignore[arg-type]
    async with raw.sending():
        for number in range(150):
            raw.put("away", [trade("SPY", number, AT_NS + number)])
            if number % 10 == 0:
                await asyncio.sleep(0.02)
        assert raw_ticks.raw_lost.labels("away").value == 50
        stream.away = False
        async with asyncio.timeout(DEADLINE_S):
            while sum(len(batch["sequences"]) for batch in stream.received) < 100:
                await asyncio.sleep(0.01)
        raw.put("away", [trade("SPY", 150, AT_NS + 150)])
    numbers = sorted(int(number) for batch in stream.received for number in batch["sequences"])
    assert numbers == [AT_NS + number for number in [*range(100), 150]], "each once"
    assert len(set(stream.ids)) == len(stream.ids), "message ids are unique"
