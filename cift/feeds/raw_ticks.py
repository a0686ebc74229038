"""A feed's raw ticks on their way to the tick stores, by the stream TICKS: the sink of `feed.py`.

They pass neither the engine nor what is told to it, and nothing waits for them: ticks gather here, and
every `FLUSH_S` go out as one message a symbol and kind. While TICKS does not answer they gather up to
`GATHERED_MAX`; beyond that new ones are lost and counted (`cift_feed_raw_lost_total`).

A tick's number is its source's time in nanoseconds, or one more than the last of its symbol and kind: so
it rises strictly, and the same feed heard again numbers its ticks alike (but for those that were bumped).

TICKS has no word for bars, cancels, corrections and halts; they are left out, and a trade that its source
takes back stays as it was first told. A print that says nothing about the price now gets the bit of what is
out of sequence, which keeps it out of bars.
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
GATHERED_MAX = 200_000
BATCH_TICKS_MAX = 16_384
SENT_AT_ONCE_MAX = 16
RETRY_S = 1.0
LAST_FLUSH_TIMEOUT_S = 5.0

raw_lost = Counter("cift_feed_raw_lost", "Raw ticks lost because TICKS did not answer for long", ["feed"])
raw_waiting = Gauge("cift_feed_raw_waiting", "Raw ticks that are not in TICKS yet", ["feed"])

log = logging.getLogger("cift.feeds.raw")

_Key = tuple[str, str]
"""Symbol, and `trade` or `quote`."""


class RawTicks:
    """`put` is the sink of a driver; what it was given goes out within `being_sent`."""

    def __init__(self, ticks: Ticks, feed: str) -> None:
        self._ticks, self._feed = ticks, feed
        self._gathered: dict[_Key, list[tuple[int, Trade | Quote]]] = {}
        self._last: dict[_Key, int] = {}
        self._count = 0
        self._loses = False

    def put(self, feed: str, ticks: Sequence[Tick]) -> None:
        assert feed == self._feed
        for tick in ticks:
            if not isinstance(tick, Trade | Quote):
                continue
            if self._count >= GATHERED_MAX:
                self._lose()
                continue
            key = (tick.symbol, "trade" if isinstance(tick, Trade) else "quote")
            number = max(tick.at_ns, self._last.get(key, 0) + 1)
            self._last[key] = number
            self._gathered.setdefault(key, []).append((number, tick))
            self._count += 1

    @contextlib.asynccontextmanager
    async def being_sent(self) -> AsyncIterator[None]:
        """Send what gathers meanwhile, and what is left at the end, for `LAST_FLUSH_TIMEOUT_S` at most."""
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
                log.warning("%s: %d raw ticks were not kept", self._feed, self._count)

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
        gathered, self._gathered = self._gathered, {}
        batches = [(key, batch) for key, ticks in gathered.items() for batch in _pieces(ticks)]
        for start in range(0, len(batches), SENT_AT_ONCE_MAX):
            await asyncio.gather(*(self._send(*each) for each in batches[start : start + SENT_AT_ONCE_MAX]))
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
            self._loses = False
            return

    def _lose(self) -> None:
        raw_lost.labels(self._feed).inc()
        if not self._loses:
            log.error(
                "%s: TICKS does not answer and %d raw ticks wait: more are lost", self._feed, self._count
            )
        self._loses = True


def _pieces(ticks: list[tuple[int, Trade | Quote]]) -> Iterator[list[tuple[int, Trade | Quote]]]:
    for start in range(0, len(ticks), BATCH_TICKS_MAX):
        yield ticks[start : start + BATCH_TICKS_MAX]


def encode(feed: str, symbol: str, batch: Sequence[tuple[int, Trade | Quote]]) -> bytes:
    """One message of TICKS: numbered ticks of one symbol and kind."""
    import numpy as np
    from cift_core import ticks

    # Column by column: three times as fast as row by row (0.4 µs a quote), and it runs beside orders.
    numbers, told = zip(*batch, strict=True)
    kinds = {type(tick) for tick in told}
    assert len(kinds) == 1, "one kind a message"
    sequences = np.array(numbers, np.uint64)
    message: bytes
    if kinds == {Trade}:
        _, at, price, quantity, _, _, bits, tells = zip(*told, strict=True)
        times, prices, quantities = (np.array(column, np.int64) for column in (at, price, quantity))
        sides = np.zeros(len(batch), np.int8)  # the tapes do not say who took
        silent = np.where(np.array(tells, bool), 0, OUT_OF_SEQUENCE).astype(np.uint32)
        conditions = np.array(bits, np.uint32) | silent
        message = ticks.encode_trades(feed, symbol, sequences, times, prices, quantities, sides, conditions)
    else:
        _, *columns, _ = zip(*told, strict=True)
        message = ticks.encode_quotes(
            feed, symbol, sequences, *(np.array(column, np.int64) for column in columns)
        )
    return message
