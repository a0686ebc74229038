"""The recorded day as one line of facts, re-dated and cut into bounded batches. Pure.

Order: by time; within a millisecond prints stand before quotes, because a recorded quote is what was
left at the end of its millisecond. The line is kept as flat arrays (a day is about 10 MB), not as
objects.

Invariant of `condense`: whatever the speed, a batch has at most one quote for each symbol (the
latest: an older one is stale the moment it could be sent) and at most `PRINTS_PER_SYMBOL` prints, and
the first, highest, lowest and last price of each symbol, and its volume, survive.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cift.market.quotes import Print, Quote
from cift.market.sample import CLOSE_MS, Tape

PRINTS_PER_SYMBOL = 20
"""A symbol with more prints in one batch is told by its first, highest, lowest and last alone."""

PRICE_NANOS_PER_TICK = 10_000_000
"""The sample's tick is 0.01."""
QUANTITY_NANOS_PER_SHARE = 1_000_000_000

_PRINT, _QUOTE = 0, 1


@dataclass(frozen=True, slots=True)
class Fact:
    """What one symbol's tape said."""

    symbol: str
    what: Print | Quote


class Timeline:
    """All tapes merged. Positions count facts from 0."""

    def __init__(self, tapes: Sequence[Tape]) -> None:
        self.symbols = [tape.symbol for tape in tapes]
        rows: list[tuple[int, int, int, int, int, int, int]] = []
        for number, tape in enumerate(tapes):
            rows += [(p.at_ms, _PRINT, number, p.price, p.size, 0, 0) for p in tape.prints]
            rows += [(q.at_ms, _QUOTE, number, q.bid, q.bid_size, q.ask, q.ask_size) for q in tape.quotes]
        rows.sort(key=lambda row: row[:3])  # stable: equal keys keep the tape's order
        self._columns = [array("i", column) for column in zip(*rows, strict=True)] or [array("i")] * 7

    def __len__(self) -> int:
        return len(self._columns[0])

    def position(self, at_ms: float) -> int:
        """Number of facts before `at_ms`."""
        return bisect_left(self._columns[0], at_ms)

    def fact(self, position: int) -> Fact:
        at_ms, kind, number, first, first_size, second, second_size = (
            column[position] for column in self._columns
        )
        what: Print | Quote = Print(at_ms, first, first_size)
        if kind == _QUOTE:
            what = Quote(at_ms, first, first_size, second, second_size)
        return Fact(self.symbols[number], what)

    def between(self, start: int, end: int) -> list[Fact]:
        return [self.fact(position) for position in range(start, end)]

    def quotes_at(self, position: int) -> list[Fact]:
        """Each symbol's latest quote before `position`, oldest first: what a newcomer must be told."""
        kinds, numbers = self._columns[1], self._columns[2]
        found: dict[int, Fact] = {}
        for before in range(position - 1, -1, -1):
            if kinds[before] == _QUOTE and numbers[before] not in found:
                found[numbers[before]] = self.fact(before)
                if len(found) == len(self.symbols):
                    break
        return list(reversed(found.values()))


@dataclass(frozen=True, slots=True)
class Redating:
    """Maps the recorded day onto the wall clock: `from_ms` of the day is `started_ns`, times `speed`."""

    started_ns: int
    from_ms: int
    speed: float

    def day_ms(self, now_ns: int) -> float:
        return self.from_ms + (now_ns - self.started_ns) * self.speed / 1e6

    def wall_ns(self, day_ms: float) -> int:
        return self.started_ns + int((day_ms - self.from_ms) * 1e6 / self.speed)

    @property
    def closes_ns(self) -> int:
        return self.wall_ns(CLOSE_MS)


def condense(facts: Iterable[Fact], prints_per_symbol: int = PRINTS_PER_SYMBOL) -> list[Fact]:
    """The batch to send for these facts: see the module's invariant. Keeps their order."""
    facts = list(facts)
    latest = {fact.symbol: index for index, fact in enumerate(facts) if isinstance(fact.what, Quote)}
    prints: dict[str, list[int]] = {}
    for index, fact in enumerate(facts):
        if isinstance(fact.what, Print):
            prints.setdefault(fact.symbol, []).append(index)
    replaced: dict[int, Fact] = {index: facts[index] for index in latest.values()}
    for symbol, indexes in prints.items():
        sizes = _thin(indexes, facts, prints_per_symbol)
        for index, size in sizes.items():
            replaced[index] = Fact(symbol, facts[index].what._replace(size=size))  # type: ignore[call-arg]
    return [replaced[index] for index in sorted(replaced)]


def _thin(indexes: list[int], facts: list[Fact], limit: int) -> dict[int, int]:
    """Which prints of one symbol stay, and the size each then stands for."""

    def price(index: int) -> int:
        what = facts[index].what
        assert isinstance(what, Print)
        return what.price

    def size(index: int) -> int:
        what = facts[index].what
        assert isinstance(what, Print)
        return what.size

    keep = set(indexes)
    if len(indexes) > limit:
        keep = {indexes[0], indexes[-1], max(indexes, key=price), min(indexes, key=price)}
    sizes: dict[int, int] = {}
    current = indexes[0]
    for index in indexes:
        if index in keep:
            current = index
        sizes[current] = sizes.get(current, 0) + size(index)
    return sizes


def command(fact: Fact, feed: int, source_sequence: int) -> dict[str, object]:
    """The engine command that tells one fact."""
    what = fact.what
    head: dict[str, object] = {"feed": feed, "source_sequence": source_sequence, "symbol": fact.symbol}
    if isinstance(what, Print):
        return {
            "type": "outside_trade",
            **head,
            "price": _price(what.price),
            "quantity": _quantity(what.size),
        }
    return {
        "type": "outside_quote",
        **head,
        "bid": {"price": _price(what.bid), "quantity": _quantity(what.bid_size)},
        "ask": {"price": _price(what.ask), "quantity": _quantity(what.ask_size)},
    }


def _price(ticks: int) -> int:
    return ticks * PRICE_NANOS_PER_TICK


def _quantity(shares: int) -> int:
    return shares * QUANTITY_NANOS_PER_SHARE
