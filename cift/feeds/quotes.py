"""Raw ticks to quotes and prints, as pure functions.

What goes in are the rows of a recorded day: quote updates of *one side of one venue* at a time,
which are never withdrawn, and trades with the venue's sale condition. What comes out is what an
outside market tells the engine: a two-sided quote with whole sizes, and prints.

Why the last bid and the last ask, and not the best over all venues: a venue that leaves the inside
says nothing, so its old bid would stay for ever, and the best over venues is crossed nearly all the
time. The latest bid and the latest ask, of whatever venue, were the inside when they were written;
at the end of a millisecond they are locked or crossed in about 1 % of cases, and those are dropped.

Conflation: a change of price is told at once. A change of size alone is told once in a window of
`window_ms`, and so is an unchanged quote after a print: the engine lets prints eat the quote, and what
was eaten comes back only with a new quote, so the tape has to say that the size still stands (most
prints of another venue, or of none, leave it as it is). What says nothing new is not told. Prints
are never dropped, only summed where time and price are equal; a quote's time is that of the last row
it rests on, so a print keeps its place between two quotes.

Units: times are milliseconds since midnight of the exchange (New York), prices are whole ticks of
0.01, sizes are whole shares.

Known limits: sizes are those of the one venue at the inside, not the sum over venues; and quotes made
from prints (`quotes_from_prints`) are an estimate, marked `derived` in the sample.
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
"""Quotes made from prints: how many prints their size is taken from."""
SHOWN_MULTIPLE = 8
"""Quotes made from prints: shown size = this many times the mean print."""
SHOWN_MIN_SHARES = 200
SHOWN_MAX_SHARES = 10_000
ROUND_LOT_SHARES = 100


class Update(NamedTuple):
    """One row of the quote tape. A side whose price is 0 did not change."""

    at_ms: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int


class Print(NamedTuple):
    """One trade, or several of the same millisecond and price summed."""

    at_ms: int
    price: int
    size: int


class Quote(NamedTuple):
    """Both sides of the inside market: `0 < bid < ask`, sizes > 0."""

    at_ms: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int


def is_last_sale(condition: int) -> bool:
    """Whether a print with this sale condition moves the last price."""
    return condition & NOT_LAST_SALE == 0


def merge_prints(prints: Iterable[Print]) -> Iterator[Print]:
    """Sum neighbours of equal time and price: the parts of one sweep at one level."""
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
    """The last bid beside the last ask, conflated; moments that lock or cross are dropped.

    Neither `updates` nor `prints` may go back in time. A state counts once its millisecond is complete,
    because the two sides of one change come as two rows.
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
    """A one-tick market made from prints alone, for an instrument whose quotes are not recorded.

    Price: the quote moves only as far as a print forces it. A print above the ask was bought at the
    ask: the ask becomes that price and the bid one tick below. A print below the bid was sold at the
    bid: the bid becomes that price and the ask one tick above. A print at the bid or the ask leaves
    both. The first print is taken as a purchase. (The tick test of Lee and Ready 1991, "Inferring
    Trade Direction from Intraday Data", read backwards.)

    Size, the same on both sides: `SHOWN_MULTIPLE` times the mean of the last `SHOWN_PRINTS` prints,
    in whole round lots, between `SHOWN_MIN_SHARES` and `SHOWN_MAX_SHARES`.
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
    """Which states of the quote are told: see the module's header."""

    def __init__(self, window_ms: int) -> None:
        if window_ms < 1:
            raise ValueError("window_ms must be at least 1")
        self._window_ms = window_ms
        self._told: Quote | None = None
        self._held: Quote | None = None
        self._printed = False
        """Whether a print came after what was told last."""

    def offer(self, quote: Quote, printed: bool) -> Iterator[Quote]:
        """The state after one millisecond, and whether there were prints in it."""
        if self._held is not None and self._held.at_ms // self._window_ms != quote.at_ms // self._window_ms:
            yield from self.finish()
        if self._told is None or (self._told.bid, self._told.ask) != (quote.bid, quote.ask):
            self._told, self._held, self._printed = quote, None, False
            yield quote
        else:
            self._held, self._printed = quote, self._printed or printed

    def finish(self) -> Iterator[Quote]:
        """Tell what is held, if it is worth telling."""
        held, self._held = self._held, None
        if held is not None and self._told is not None and (self._printed or held[1:] != self._told[1:]):
            self._told, self._printed = held, False
            yield held
