"""`cift data load alpaca|massive`: publish a provider's history to the stream TICKS, as its live feed does.

A unit of work is one symbol, one trading day of New York and one kind of tick. A unit is recorded as loaded
when the tick stores have all of it, so a repeated load continues after an interruption. Ticks are numbered
like those of the live feed (`raw_ticks.py`), so a tick that was recorded live and is loaded later is stored
once.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cift.contracts.conditions import OUT_OF_SEQUENCE
from cift.feeds.alpaca.history import History as AlpacaHistory
from cift.feeds.massive.history import History as MassiveHistory
from cift.feeds.outside import Quote, Tick, Trade
from cift.feeds.settings import MarketSettings
from cift.history.batches import Kind
from cift.history.replace import Replacement, Replacing
from cift.kernel.clock import from_datetime
from cift.platform.calendars import calendar

if TYPE_CHECKING:
    import polars as pl

Provider = Literal["alpaca", "massive"]
Pages = AsyncIterator[Sequence[Tick]]
DAYS_MAX = 3_660


@dataclass(frozen=True, slots=True)
class Unit:
    """The ticks of one kind of one symbol and day."""

    provider: Provider
    symbol: str
    kind: Literal["trade", "quote"]
    day: date

    @property
    def key(self) -> str:
        return f"{self.provider}/{self.symbol}/{self.kind}/{self.day}"


def units(provider: Provider, symbols: Sequence[str], first: date, last: date) -> list[Unit]:
    """All units of a range of days, by day.

    Raises:
        ValueError: an empty or too long range, or a day outside the calendar (`NoSuchDay`).
    """
    if not first <= last or (last - first).days > DAYS_MAX:
        raise ValueError(f"from {first} to {last} is not a range of at most {DAYS_MAX} days")
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    kinds: tuple[Literal["trade", "quote"], ...] = ("trade", "quote")
    return [
        Unit(provider, symbol, kind, day)
        for day in days
        if calendar().session(day) is not None
        for symbol in symbols
        for kind in kinds
    ]


@dataclass
class Loaded:
    """The result of a load."""

    files: int = 0
    """Units that were loaded."""
    skipped: int = 0
    """Units that were loaded before."""


class CompletedLoads:
    """Keys of the units that are loaded completely: a small JSON file, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._done: set[str] = set(json.loads(path.read_text()))
        except (OSError, ValueError):
            self._done = set()

    def is_done(self, key: str) -> bool:
        return key in self._done

    def add(self, key: str) -> None:
        self._done.add(key)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(sorted(self._done)))
        partial.replace(self._path)


async def load(
    wanted: Sequence[Unit],
    settings: MarketSettings,
    replacing: Replacing,
    completed: CompletedLoads,
    *,
    again: bool,
) -> Loaded:
    """Load the units. Each replaces what is stored of its day, so that a print which the provider has
    withdrawn disappears.

    Raises:
        FeedUnavailable, FeedRejected: the provider does not answer, or refuses the request.
        Unavailable: the stream or a store does not answer, or the archive makes no progress.
    """
    loaded = Loaded()
    done = []
    for unit in wanted:
        if completed.is_done(unit.key) and not again:
            loaded.skipped += 1
            continue
        since_ns, until_ns = _span(unit)
        replacement = Replacement(
            replacing, unit.provider, unit.symbol, unit.kind, (since_ns, 0), until_ns - 1
        )
        async for frame in _frames(unit, settings):
            await replacement.add(frame)
        await replacement.end()
        done.append(unit.key)
        loaded.files += 1
    await replacing.finish()
    for key in done:
        completed.add(key)
    return loaded


async def _frames(unit: Unit, settings: MarketSettings) -> AsyncIterator[pl.DataFrame]:
    """The ticks of a unit in the order of time, with the columns of `batches.COLUMNS`."""
    last = 0
    async for page in _pages(unit, settings):
        numbered: list[tuple[int, Trade | Quote]] = []
        for tick in page:
            assert isinstance(tick, Trade | Quote)
            last = max(tick.at_ns, last + 1)
            numbered.append((last, tick))
        if numbered:
            yield frame_of(numbered, unit.kind)


def frame_of(numbered: Sequence[tuple[int, Trade | Quote]], kind: Kind) -> pl.DataFrame:
    """Ticks and their sequences as a frame."""
    import polars as pl

    sequences = pl.Series("sequence", [number for number, _ in numbered], dtype=pl.UInt64)
    frame = pl.DataFrame([sequences, pl.Series("at", [tick.at_ns for _, tick in numbered], dtype=pl.Int64)])
    if kind == "trade":
        trades = [tick for _, tick in numbered if isinstance(tick, Trade)]
        bits = [each.conditions | (0 if each.is_last_sale else OUT_OF_SEQUENCE) for each in trades]
        return frame.with_columns(
            pl.Series("price", [each.price for each in trades], dtype=pl.Int64),
            pl.Series("quantity", [each.quantity for each in trades], dtype=pl.Int64),
            pl.lit(0, pl.Int8).alias("side"),
            pl.Series("conditions", bits, dtype=pl.UInt32),
        )
    quotes = [tick for _, tick in numbered if isinstance(tick, Quote)]
    return frame.with_columns(
        pl.Series(name, [getattr(each, name) for each in quotes], dtype=pl.Int64)
        for name in ("bid", "bid_quantity", "ask", "ask_quantity")
    )


def _span(unit: Unit) -> tuple[int, int]:
    """The unit's day, [since, until) in ns."""
    zone = calendar().zone
    since_ns, until_ns = (
        from_datetime(datetime.combine(day, time(), zone).astimezone(UTC))
        for day in (unit.day, unit.day + timedelta(days=1))
    )
    return since_ns, until_ns


async def _pages(unit: Unit, settings: MarketSettings) -> Pages:
    since_ns, until_ns = _span(unit)
    if unit.provider == "alpaca":
        async with AlpacaHistory(settings.alpaca) as alpaca:
            pages = alpaca.trades if unit.kind == "trade" else alpaca.quotes
            async for page in pages([unit.symbol], since_ns, until_ns - 1):
                yield page
    else:
        async with MassiveHistory(settings.massive) as massive:
            pages_of_one = massive.trades if unit.kind == "trade" else massive.quotes
            async for page in pages_of_one(unit.symbol, since_ns, until_ns - 1):
                yield page
