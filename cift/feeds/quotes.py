"""Quotes and prints from raw ticks. Pure.

The input are the rows of a recorded day: quote updates of *one side at one venue* each, which are never
withdrawn, and trades with the venue's sale condition. The output is the input of the engine: two-sided
quotes with whole sizes, and prints.

Why the last bid and the last ask, and not the best over all venues: a venue that leaves the best price
sends no update, so its old bid would stay for ever, and the best over all venues is crossed nearly all
the time. The latest bid and the latest ask, of any venue, were the best ones when they were recorded. At
the end of a millisecond they are locked or crossed in about 1 % of cases; those are dropped.

Conflation: a change of price is emitted at once. A change of size alone is emitted once per window of
`window_ms`, and so is an unchanged quote after a print: in the engine prints consume the quote, and only
a new quote restores the size, so an unchanged size must be confirmed (most prints of another venue, or of
none, do not change it). Other unchanged quotes are not emitted. Prints are never dropped, only summed if
time and price are equal. A quote has the time of the last row it is based on, so a print keeps its place
between two quotes.

Units: times are milliseconds since midnight of the exchange (New York), prices are whole ticks of
0.01, sizes are whole shares.

Known limits: sizes are those of one venue at the best price, not the sum over venues. Quotes derived from
prints (`quotes_from_prints`) are an estimate, marked as `derived` in the sample.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cift.contracts.conditions import NOT_LAST_SALE

WINDOW_MS = 100
"""Default conflation window."""

SHOWN_PRINTS = 32
"""Derived quotes: the number of last prints that their size is computed from."""
SHOWN_MULTIPLE = 8
"""Derived quotes: the size is this multiple of the mean print."""
SHOWN_MIN_SHARES = 200
SHOWN_MAX_SHARES = 10_000
ROUND_LOT_SHARES = 100


class Update(NamedTuple):
    """One row of recorded quotes. A side with the price 0 did not change."""

    at_ms: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int


class Print(NamedTuple):
    """One trade, or the sum of several with the same millisecond and price."""

    at_ms: int
    price: int
    size: int


class Quote(NamedTuple):
    """Best bid and ask: `0 < bid < ask`, sizes > 0."""

    at_ms: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int


def is_last_sale(condition: int) -> bool:
    """Whether a print with this sale condition sets the last price."""
    return condition & NOT_LAST_SALE == 0


def merge_prints(prints: Iterable[Print]) -> Iterator[Print]:
    """Sum adjacent prints of equal time and price: the parts of one sweep at one level."""
    held: Print | None = None
    for trade in prints:
        if trade.size <= 0 or trade.price <= 0:
            continue
        if held is not None and held.at_ms == trade.at_ms and held.price == trade.price:
            held = held._replace(size=held.size + trade.size)
            continue
        if held is not None:
            yield held
        held = trade
    if held is not None:
        yield held


def quotes_from_updates(
    updates: Iterable[Update], prints: Iterable[Print] = (), window_ms: int = WINDOW_MS
) -> Iterator[Quote]:
    """The last bid and the last ask, conflated; locked and crossed states are dropped.

    `updates` and `prints` must be sorted by time. A state counts when its millisecond is complete,
    because the two sides of one change are two rows.
    """
    bid = bid_size = ask = ask_size = 0
    conflated = _Conflation(window_ms)
    rows: Iterator[Update | Print] = heapq.merge(updates, prints, key=_at_ms)
    for at_ms, millisecond in itertools.groupby(rows, key=_at_ms):
        printed = False
        for row in millisecond:
            if isinstance(row, Print):
                printed = True
                continue
            if row.bid > 0 and row.bid_size > 0:
                bid, bid_size = row.bid, row.bid_size
            if row.ask > 0 and row.ask_size > 0:
                ask, ask_size = row.ask, row.ask_size
        if 0 < bid < ask:
            yield from conflated.offer(Quote(at_ms, bid, bid_size, ask, ask_size), printed)
    yield from conflated.finish()


def quotes_from_prints(prints: Iterable[Print], window_ms: int = WINDOW_MS) -> Iterator[Quote]:
    """Quotes one tick wide derived from prints, for an instrument without recorded quotes.

    Price: the quote moves only as far as a print requires. A print above the ask was a purchase at the
    ask: the ask becomes that price, and the bid is one tick below. A print below the bid was a sale at
    the bid: the bid becomes that price, and the ask is one tick above. A print at the bid or the ask
    changes neither. The first print counts as a purchase. (The inverse of the tick test of Lee and Ready
    1991, "Inferring Trade Direction from Intraday Data".)

    Size, the same on both sides: `SHOWN_MULTIPLE` times the mean of the last `SHOWN_PRINTS` prints, in
    whole round lots, between `SHOWN_MIN_SHARES` and `SHOWN_MAX_SHARES`.
    """
    recent: deque[int] = deque(maxlen=SHOWN_PRINTS)
    bid = ask = 0
    conflated = _Conflation(window_ms)
    for at_ms, millisecond in itertools.groupby(prints, key=_at_ms):
        for trade in millisecond:
            recent.append(trade.size)
            if ask == 0 or trade.price > ask:
                bid, ask = trade.price - 1, trade.price
            elif trade.price < bid:
                bid, ask = trade.price, trade.price + 1
        if bid > 0:
            size = _shown_size(recent)
            yield from conflated.offer(Quote(at_ms, bid, size, ask, size), printed=True)
    yield from conflated.finish()


def _at_ms(row: Update | Print) -> int:
    return row.at_ms


def _shown_size(recent: deque[int]) -> int:
    shares = SHOWN_MULTIPLE * sum(recent) // len(recent)
    return max(SHOWN_MIN_SHARES, min(SHOWN_MAX_SHARES, shares // ROUND_LOT_SHARES * ROUND_LOT_SHARES))


class _Conflation:
    """Selects the quotes that are emitted, by the rules in the module's docstring."""

    def __init__(self, window_ms: int) -> None:
        if window_ms < 1:
            raise ValueError(f"window_ms is {window_ms}; it must be at least 1")
        self._window_ms = window_ms
        self._emitted: Quote | None = None
        self._held: Quote | None = None
        self._printed = False
        """Whether there was a print since the last emitted quote."""

    def offer(self, quote: Quote, printed: bool) -> Iterator[Quote]:
        """Add the state after one millisecond; `printed`: there were prints in it."""
        if self._held is not None and self._held.at_ms // self._window_ms != quote.at_ms // self._window_ms:
            yield from self.finish()
        if self._emitted is None or (self._emitted.bid, self._emitted.ask) != (quote.bid, quote.ask):
            self._emitted, self._held, self._printed = quote, None, False
            yield quote
        else:
            self._held, self._printed = quote, self._printed or printed

    def finish(self) -> Iterator[Quote]:
        """Emit the held quote, if it changed or there was a print."""
        held, self._held = self._held, None
        if (
            held is not None
            and self._emitted is not None
            and (self._printed or held[1:] != self._emitted[1:])
        ):
            self._emitted, self._printed = held, False
            yield held
