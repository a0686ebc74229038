"""The interface of the tick stores, ClickHouse and QuestDB. Both return equal results.

Every coroutine raises Unavailable if its store does not respond.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol

from cift.history.grid import Grid
from cift.platform.calendars import Session

Kind = Literal["trades", "quotes"]
TextForm = Literal["JSONEachRow", "CSVWithNames", "CSV"]
"""Formats by ClickHouse's names."""
BarRow = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal, int, tuple[str, ...]]
"""Start (seconds since the Unix epoch), open, high, low, close, volume, sum of price x quantity, trades, and
the sources of the trades, sorted."""
Factor = tuple[date, Decimal, Decimal]
"""Last day on which the factors apply, price factor, split factor."""


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """Which sources: one (`name`), all except one (`name`, `exclude`), some (`names`), or all."""

    name: str | None
    exclude: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TickPage:
    """At most `limit` ticks of one source in [since, until), by time and sequence, after the tick at
    (`since_ns`, sequence `after`)."""

    symbol: str
    source: str
    kind: Kind
    since_ns: int
    until_ns: int
    after: int
    limit: int


class Bars(Protocol):
    """Bars of one symbol, from its trades that set the last price. Times are in seconds."""

    async def edge(self, function: Literal["min", "max"], since_s: int, until_s: int) -> int | None:
        """A time within the first (min) or last (max) stored interval that begins in [since, until) and has a
        trade; None if there is none."""

    async def last_starts(self, grid: Grid, since_s: int, until_s: int, count: int) -> list[int]:
        """The starts of the last `count` bars of `grid` in [since, until), newest first. `since_s` begins
        an interval."""

    async def bars(self, grid: Grid, since_s: int, until_s: int, limit: int) -> list[BarRow]:
        """At most `limit` bars of `grid` that begin in [since, until), oldest first. `since_s` begins
        an interval."""


class TickStore(Protocol):
    """Ticks of all symbols, and bars from them."""

    def bars_of(
        self,
        symbol: str,
        stored_s: int,
        sources: SourceFilter,
        sessions: Sequence[Session] | None,
        zone: str = "UTC",
    ) -> Bars:
        """Bars of multiples of `stored_s`; if `sessions` are given, of trades within them and outside their
        breaks only. `zone` is that of the sessions' days."""

    async def sources(self, symbol: str) -> list[str]:
        """The names of the sources that have ticks of this symbol, sorted."""

    async def factors(self, symbol: str) -> list[Factor]:
        """Oldest first."""

    async def text(self, page: TickPage, form: TextForm) -> bytes:
        """A page as text; times are RFC 3339."""

    async def table(self, page: TickPage) -> Any:
        """A page as `pyarrow.Table`."""


async def with_withdrawn(
    factors: Sequence[tuple[str, list[Factor]]], store: TickStore
) -> list[tuple[str, list[Factor]]]:
    """Symbols and all their factors, and the stored factors that are withdrawn with the value 0, which reads
    leave out. Raises Unavailable."""
    found = []
    for symbol, rows in factors:
        days = {day for day, _, _ in rows}
        withdrawn = [
            (day, Decimal(0), Decimal(0)) for day, _, _ in await store.factors(symbol) if day not in days
        ]
        if rows or withdrawn:
            found.append((symbol, [*rows, *withdrawn]))
    return found
