"""`cift data load alpaca|massive`: publish a provider's history to the stream TICKS, as its live feed does.

A unit of work is one symbol, one trading day of New York and one kind of tick. A unit is recorded as loaded
when the stream has all of it, so a repeated load continues after an interruption. Ticks are numbered like
those of the live feed (`raw_ticks.py`), so a tick that was recorded live and is loaded later is stored
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from cift.feeds.alpaca.history import History as AlpacaHistory
from cift.feeds.massive.history import History as MassiveHistory
from cift.feeds.outside import Quote, Tick, Trade
from cift.feeds.raw_ticks import BATCH_TICKS_MAX, encode
from cift.feeds.settings import MarketSettings
from cift.history import load as loading
from cift.kernel.clock import from_datetime
from cift.platform.calendars import calendar
from cift.platform.tick_stream import Ticks

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


async def load(
    wanted: Sequence[Unit],
    settings: MarketSettings,
    ticks: Ticks,
    notes: loading.CompletedLoads,
    progress: Callable[[Unit, int], None],
    *,
    again: bool,
) -> loading.Loaded:
    """Load the units. `progress` is called with each published batch.

    Raises:
        FeedUnavailable, FeedRejected: the provider does not answer, or refuses the request.
        Unavailable: the stream does not answer.
    """
    loaded = loading.Loaded()
    for unit in wanted:
        if notes.is_done(unit.key) and not again:
            loaded.skipped += 1
            continue
        async for first, batch, count in _batches(unit, settings):
            while await ticks.pending() > loading.WAITING_MAX:  # noqa: ASYNC110 (another process' queue)
                await asyncio.sleep(loading.PAUSE_S)
            await ticks.publish(unit.provider, unit.symbol, unit.kind, first, batch)
            loaded.ticks += count
            loaded.messages += 1
            progress(unit, count)
        notes.add(unit.key)
        loaded.files += 1
    return loaded


async def _batches(unit: Unit, settings: MarketSettings) -> AsyncIterator[tuple[int, bytes, int]]:
    """Batches of a unit: number of the first tick, message, count of ticks."""
    waiting: list[tuple[int, Trade | Quote]] = []
    last = 0
    async for page in _pages(unit, settings):
        for tick in page:
            assert isinstance(tick, Trade | Quote)
            last = max(tick.at_ns, last + 1)
            waiting.append((last, tick))
        while len(waiting) >= BATCH_TICKS_MAX:
            part, waiting = waiting[:BATCH_TICKS_MAX], waiting[BATCH_TICKS_MAX:]
            yield part[0][0], encode(unit.provider, unit.symbol, part), len(part)
    if waiting:
        yield waiting[0][0], encode(unit.provider, unit.symbol, waiting), len(waiting)


async def _pages(unit: Unit, settings: MarketSettings) -> Pages:
    zone = calendar().zone
    since_ns, until_ns = (
        from_datetime(datetime.combine(day, time(), zone).astimezone(UTC))
        for day in (unit.day, unit.day + timedelta(days=1))
    )
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
