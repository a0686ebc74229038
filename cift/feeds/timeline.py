"""The ticks of a recorded day in one order, and their re-dating to now. Pure.

Order: by time; prints come before quotes of the same time, because a recorded quote is the state at the
end of its moment. The ticks are kept as flat arrays (about 25 MB for the sample), not as objects. Times
are nanoseconds since midnight of the recorded day.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import gcd

from cift.feeds import quotes
from cift.feeds.outside import Quote, Trade
from cift.feeds.sample import CLOSE_MS, OPEN_MS, SymbolDay

PRICE_NANOS_PER_TICK = 10_000_000
"""The sample's tick is 0.01."""
QUANTITY_NANOS_PER_SHARE = 1_000_000_000
NS_PER_MS = 1_000_000

_PRINT, _QUOTE = 0, 1

_Row = tuple[int, int, int, int, int, int, int]
"""Time, `_PRINT` or `_QUOTE`, index of the symbol; then price and quantity, or those of the bid and of
the ask."""


def tick_of(symbol: str, row: quotes.Print | quotes.Quote) -> Trade | Quote:
    """A row of the sample as a tick."""
    at_ns, price, share = row.at_ms * NS_PER_MS, PRICE_NANOS_PER_TICK, QUANTITY_NANOS_PER_SHARE
    if isinstance(row, quotes.Print):
        return Trade(symbol, at_ns, row.price * price, row.size * share)
    return Quote(symbol, at_ns, row.bid * price, row.bid_size * share, row.ask * price, row.ask_size * share)


class Timeline:
    """The merged ticks of some symbols; times are nanoseconds since the day's midnight. Positions count
    from 0.

    The day is replayed from `opens_ms` to `closes_ms`; by default from the millisecond of its first tick
    to the one after its last."""

    def __init__(
        self,
        symbols: Sequence[str],
        ticks: Iterable[Trade | Quote],
        opens_ms: int | None = None,
        closes_ms: int | None = None,
    ) -> None:
        self.symbols = list(symbols)
        number = {symbol: index for index, symbol in enumerate(symbols)}
        rows = [_row(tick, number[tick.symbol]) for tick in ticks]
        rows.sort(key=lambda row: row[:3])  # stable: equal keys keep the order of the recording
        self._columns = [array("q", column) for column in zip(*rows, strict=True)] or [array("q")] * 7
        first, last = (rows[0][0], rows[-1][0]) if rows else (0, 0)
        self.opens_ms = first // NS_PER_MS if opens_ms is None else opens_ms
        self.closes_ms = last // NS_PER_MS + 1 if closes_ms is None else closes_ms
        self.units = {
            symbol: units_of(
                [price for row in own for price in (row[3], row[5])],
                [quantity for row in own for quantity in (row[4], row[6])],
            )
            for symbol, own in _by_symbol(self.symbols, rows).items()
        }
        """Each symbol's tick and lot (`units_of`)."""

    @staticmethod
    def of_days(days: Iterable[SymbolDay], others: Iterable[Trade | Quote] = ()) -> Timeline:
        """The regular session of equities, from rows in the sample's units, and other ticks."""
        days, others = list(days), list(others)
        of_days = (
            tick_of(day.symbol, row) for day in days for rows in (day.prints, day.quotes) for row in rows
        )
        return Timeline(
            [*(day.symbol for day in days), *sorted({tick.symbol for tick in others})],
            chain(of_days, others),
            OPEN_MS,
            CLOSE_MS,
        )

    def __len__(self) -> int:
        return len(self._columns[0])

    def columns(self) -> list[array[int]]:
        """Times, kinds (0 print, 1 quote), indices of symbols; then the four amounts of `_Row`."""
        return self._columns

    def position(self, at_ms: float) -> int:
        """The number of ticks before `at_ms`."""
        return bisect_left(self._columns[0], at_ms * NS_PER_MS)

    def tick(self, position: int) -> Trade | Quote:
        at_ns, kind, number, first, first_quantity, second, second_quantity = (
            column[position] for column in self._columns
        )
        symbol = self.symbols[number]
        if kind == _QUOTE:
            return Quote(symbol, at_ns, first, first_quantity, second, second_quantity)
        return Trade(symbol, at_ns, first, first_quantity)

    def between(self, start: int, end: int) -> list[Trade | Quote]:
        return [self.tick(position) for position in range(start, end)]

    def quotes_at(self, position: int) -> list[Trade | Quote]:
        """Each symbol's latest quote before `position`, oldest first."""
        kinds, numbers = self._columns[1], self._columns[2]
        found: dict[int, Trade | Quote] = {}
        for before in range(position - 1, -1, -1):
            if kinds[before] == _QUOTE and numbers[before] not in found:
                found[numbers[before]] = self.tick(before)
                if len(found) == len(self.symbols):
                    break
        return list(reversed(found.values()))


@dataclass(frozen=True, slots=True)
class Redating:
    """Maps the recorded day to the wall clock: `from_ms` of the day is `started_ns`; the day runs `speed`
    times as fast."""

    started_ns: int
    from_ms: int
    speed: float

    def day_ms(self, now_ns: int) -> float:
        return self.from_ms + (now_ns - self.started_ns) * self.speed / 1e6

    def wall_ns(self, day_ms: float) -> int:
        return self.started_ns + int((day_ms - self.from_ms) * 1e6 / self.speed)


def _by_symbol(symbols: Sequence[str], rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {symbol: [] for symbol in symbols}
    for row in rows:
        found[symbols[row[2]]].append(row)
    return found


def units_of(prices: Iterable[int], quantities: Iterable[int]) -> tuple[int, int]:
    """Tick and lot for these amounts: the largest power of ten that divides all prices, at most 0.01; one if
    all quantities are whole, else the largest power of ten that divides them.

    The engine requires that tick x lot is a multiple of 1e-9 (rule R1.2), so a lot may be coarser than the
    quantities: 1e-7 for a tick of 0.01.
    """
    tick = min(_power_of_ten(prices), PRICE_NANOS_PER_TICK)
    lot = min(_power_of_ten(quantities), QUANTITY_NANOS_PER_SHARE)
    return tick, max(lot, QUANTITY_NANOS_PER_SHARE // tick)


def _power_of_ten(amounts: Iterable[int]) -> int:
    """The largest power of ten that divides all amounts; 10^18 if all are 0."""
    common = gcd(*amounts)
    power = 1
    while power < 10**18 and common % (power * 10) == 0:
        power *= 10
    return power


def _row(tick: Trade | Quote, number: int) -> _Row:
    if isinstance(tick, Trade):
        return tick.at_ns, _PRINT, number, tick.price, tick.quantity, 0, 0
    return tick.at_ns, _QUOTE, number, tick.bid, tick.bid_quantity, tick.ask, tick.ask_quantity
