"""A feed's raw ticks on their way to the tick stores, through the stream TICKS: the sink of `feed.py`.

They do not pass the engine, and nothing waits for them. Ticks are collected here and published every
`FLUSH_S`, as one message per symbol and kind. While TICKS does not respond, up to `PENDING_MAX` ticks are
kept; beyond that new ones are lost and counted (`cift_feed_raw_lost_total`).

A tick's sequence is its source's time in nanoseconds, or the last sequence of its symbol and kind plus
one, whichever is larger. So sequences are strictly increasing, and receiving the same feed again gives
the same sequences (except for those that were increased).

TICKS has no messages for bars, cancels, corrections and halts; they are left out, so a trade that its
source cancels stays as first received. A print that does not set the last price gets the condition bit
"out of sequence", which keeps it out of bars.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING

from cift.contracts.conditions import OUT_OF_SEQUENCE
from cift.feeds.outside import Quote, Tick, Trade
from cift.kernel.errors import Unavailable
from cift.platform.metrics import Counter, Gauge

if TYPE_CHECKING:
    from cift.platform.tick_stream import Ticks

FLUSH_S = 0.5
PENDING_MAX = 200_000
BATCH_TICKS_MAX = 16_384
CONCURRENT_SENDS_MAX = 16
RETRY_S = 1.0
LAST_FLUSH_TIMEOUT_S = 5.0

raw_lost = Counter("cift_feed_raw_lost", "Raw ticks lost while TICKS did not respond", ["feed"])
raw_waiting = Gauge("cift_feed_raw_waiting", "Raw ticks that are not in TICKS yet", ["feed"])

log = logging.getLogger("cift.feeds.raw")

_Key = tuple[str, str]
"""Symbol, and `trade` or `quote`."""


class RawTicks:
    """`put` is the sink of a driver; its ticks are published within `sending`."""

    def __init__(self, ticks: Ticks, feed: str) -> None:
        self._ticks, self._feed = ticks, feed
        self._pending: dict[_Key, list[tuple[int, Trade | Quote]]] = {}
        self._last: dict[_Key, int] = {}
        self._count = 0
        self._is_losing = False

    def put(self, feed: str, ticks: Sequence[Tick]) -> None:
        assert feed == self._feed
        for tick in ticks:
            if not isinstance(tick, Trade | Quote):
                continue
            if self._count >= PENDING_MAX:
                self._lose()
                continue
            key = (tick.symbol, "trade" if isinstance(tick, Trade) else "quote")
            sequence = max(tick.at_ns, self._last.get(key, 0) + 1)
            self._last[key] = sequence
            self._pending.setdefault(key, []).append((sequence, tick))
            self._count += 1

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Publish pending ticks; at the end publish the rest, for at most `LAST_FLUSH_TIMEOUT_S`."""
        ended = asyncio.Event()
        sending = asyncio.create_task(self._send_until(ended), name=f"{self._feed}: raw")
        try:
            yield
        finally:
            ended.set()
            try:
                async with asyncio.timeout(LAST_FLUSH_TIMEOUT_S):
                    await sending
            except TimeoutError:
                log.warning("%s: %d raw ticks were not published", self._feed, self._count)

    async def _send_until(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await self._flush()
            try:
                async with asyncio.timeout(FLUSH_S):
                    await ended.wait()
            except TimeoutError:
                pass
        await self._flush()

    async def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        batches = [(key, batch) for key, ticks in pending.items() for batch in _split(ticks)]
        for start in range(0, len(batches), CONCURRENT_SENDS_MAX):
            batch_group = batches[start : start + CONCURRENT_SENDS_MAX]
            await asyncio.gather(*(self._send(*each) for each in batch_group))
        raw_waiting.labels(self._feed).set(self._count)

    async def _send(self, key: _Key, batch: list[tuple[int, Trade | Quote]]) -> None:
        symbol, kind = key
        payload = encode(self._feed, symbol, batch)
        while True:
            try:
                await self._ticks.publish(self._feed, symbol, kind, batch[0][0], payload)
            except Unavailable:
                raw_waiting.labels(self._feed).set(self._count)
                await asyncio.sleep(RETRY_S)
                continue
            self._count -= len(batch)
            self._is_losing = False
            return

    def _lose(self) -> None:
        raw_lost.labels(self._feed).inc()
        if not self._is_losing:
            log.error(
                "%s: TICKS does not respond and %d raw ticks are pending: new ones are lost",
                self._feed,
                self._count,
            )
        self._is_losing = True


def _split(ticks: list[tuple[int, Trade | Quote]]) -> Iterator[list[tuple[int, Trade | Quote]]]:
    for start in range(0, len(ticks), BATCH_TICKS_MAX):
        yield ticks[start : start + BATCH_TICKS_MAX]


def encode(feed: str, symbol: str, batch: Sequence[tuple[int, Trade | Quote]]) -> bytes:
    """One message of TICKS: ticks of one symbol and kind with their sequences."""
    import numpy as np
    from cift_core import ticks

    # By columns: three times as fast as by rows (0.4 µs per quote), and it runs beside orders.
    numbers, batch_ticks = zip(*batch, strict=True)
    kinds = {type(tick) for tick in batch_ticks}
    assert len(kinds) == 1, "one kind per message"
    sequences = np.array(numbers, np.uint64)
    message: bytes
    if kinds == {Trade}:
        _, at, price, quantity, _, _, bits, last_sales = zip(*batch_ticks, strict=True)
        times, prices, quantities = (np.array(column, np.int64) for column in (at, price, quantity))
        sides = np.zeros(len(batch), np.int8)  # the source does not report the aggressor
        excluded = np.where(np.array(last_sales, bool), 0, OUT_OF_SEQUENCE).astype(np.uint32)
        conditions = np.array(bits, np.uint32) | excluded
        message = ticks.encode_trades(feed, symbol, sequences, times, prices, quantities, sides, conditions)
    else:
        _, *columns, _ = zip(*batch_ticks, strict=True)
        message = ticks.encode_quotes(
            feed, symbol, sequences, *(np.array(column, np.int64) for column in columns)
        )
    return message
