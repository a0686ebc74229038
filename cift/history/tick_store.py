"""What reads of ticks need of a store, whichever keeps them (ClickHouse, QuestDB): both give equal answers.

Everything that waits raises Unavailable where its store does not answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol

from cift.platform.calendars import Session

Kind = Literal["trades", "quotes"]
TextForm = Literal["JSONEachRow", "CSVWithNames", "CSV"]
"""As ClickHouse calls and writes them."""
BarRow = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal, int]
"""Beginning (s since the Unix epoch), open, high, low, close, volume, sum of price x quantity, trades."""
Factor = tuple[date, Decimal, Decimal]
"""Day up to which, price factor, split factor."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Of which sources: one (`name`), all but one (`name`, `but`), or all (no name)."""

    name: str | None
    but: bool = False


@dataclass(frozen=True, slots=True)
class TickPage:
    """Ticks of one source in [since, until), in the order of time and sequence: at most `limit` of them,
    from behind the one at (`since_ns`, `after`)."""

    symbol: str
    source: str
    kind: Kind
    since_ns: int
    until_ns: int
    after: int
    limit: int


class Bars(Protocol):
    """Bars of one symbol, made of its trades that set the last price. Times are seconds."""

    async def edge(self, function: Literal["min", "max"], since_s: int, until_s: int) -> int | None:
        """A moment of the first or last kept interval that begins in [since, until) and has a trade; None
        where none has."""

    async def bars(self, seconds: int, since_s: int, until_s: int, limit: int) -> list[BarRow]:
        """Bars of so many seconds that begin in [since, until), oldest first; both begin an interval."""


class TickStore(Protocol):
    """Ticks of all symbols, and what is made of them."""

    def bars_of(self, symbol: str, kept_s: int, whose: Whose, sessions: Sequence[Session] | None) -> Bars:
        """Bars that multiples of `kept_s` are asked of; of trades within these sessions alone."""

    async def sources(self, symbol: str) -> list[str]:
        """Who has told of this symbol, by name."""

    async def factors(self, symbol: str) -> list[Factor]:
        """Oldest first."""

    async def text(self, page: TickPage, form: TextForm) -> bytes:
        """A page with times as RFC 3339."""

    async def table(self, page: TickPage) -> Any:
        """A page as `pyarrow.Table`."""
