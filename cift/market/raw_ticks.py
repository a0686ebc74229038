"""The raw ticks of a feed on their way to the tick stores: gathered for a second, so that the store's stream
is written to a few times a second and not at each word of the source; what cannot be put there in time is
dropped and counted, for a feed does not wait.

A tick's number rises with the clock, so that a feed that starts again does not use a number twice; the
sources' own begin anew each day, or are none.

Known limit: trades that the source cancels or corrects later stay as they were first told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from cift.kernel.errors import Unavailable
from cift.market.rising import Rising
from cift.market.ticks import Quote, Tick, Trade
from cift.platform.metrics import Counter
from cift.platform.ticks import Ticks

GATHER_S = 1.0
GATHERED_MAX = 200_000
"""Ticks kept for the next time; beyond it the newest are dropped."""
BATCH_MAX = 65_536
OUT_OF_SEQUENCE = 0x4000
"""Of the sale conditions (`quotes.py`)."""

log = logging.getLogger("cift.market.raw_ticks")
dropped = Counter("cift_raw_ticks_dropped", "Raw ticks that could not be given to the stores", ["feed"])


class RawTicks:
    """A feed driver's sink. Belongs to one event loop."""

    def __init__(self, ticks: Ticks, clock: Callable[[], int] = time.time_ns) -> None:
        self._ticks = ticks
        self._clock = clock
        self._numbers = Rising(clock)
        self._gathered: list[Trade | Quote] = []
        self._sending: asyncio.Task[None] | None = None

    def __call__(self, feed: str, told: Sequence[Tick]) -> None:
        """Take these; never waits."""
        if not self._ticks.are_kept:
            return
        taken = [tick for tick in told if isinstance(tick, Trade | Quote)]
        if len(self._gathered) + len(taken) > GATHERED_MAX:
            dropped.labels(feed).inc(len(taken))
        else:
            self._gathered += taken
        if self._gathered and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send(feed), name=f"{feed}: raw ticks")

    async def _send(self, feed: str) -> None:
        await asyncio.sleep(GATHER_S)
        gathered, self._gathered = self._gathered, []
        by: dict[tuple[str, str], list[Trade | Quote]] = defaultdict(list)
        for tick in gathered:
            by[tick.symbol, "trade" if isinstance(tick, Trade) else "quote"].append(tick)
        left = len(gathered)
        try:
            for (symbol, kind), rows in by.items():
                for begin in range(0, len(rows), BATCH_MAX):
                    part = rows[begin : begin + BATCH_MAX]
                    first, batch = self._batch(feed, symbol, kind, part)
                    await self._ticks.publish(feed, symbol, kind, first, batch)
                    left -= len(part)
        except Unavailable as error:
            dropped.labels(feed).inc(left)
            log.warning("%s: %d raw ticks could not be kept: %s", feed, left, error)

    def _batch(self, feed: str, symbol: str, kind: str, rows: Sequence[Trade | Quote]) -> tuple[int, bytes]:
        import numpy as np
        from cift_core import ticks

        sequences = np.array([self._numbers.next() for _ in rows], np.uint64)
        columns = list(zip(*rows, strict=True))
        at = np.array(columns[1], np.int64)
        if kind == "trade":
            price, quantity = (np.array(columns[place], np.int64) for place in (2, 3))
            # A print that says nothing of the price now stays out of bars, whatever the source calls it.
            silent = np.where(np.array(columns[7], bool), 0, OUT_OF_SEQUENCE).astype(np.uint32)
            conditions = np.array(columns[6], np.uint32) | silent
            unknown = np.zeros(len(rows), np.int8)
            batch = ticks.encode_trades(feed, symbol, sequences, at, price, quantity, unknown, conditions)
        else:
            sides = [np.array(columns[place], np.int64) for place in (2, 3, 4, 5)]
            batch = ticks.encode_quotes(feed, symbol, sequences, at, *sides)
        return int(sequences[0]), batch
