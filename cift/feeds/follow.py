"""Follows a source: its prices to the engine, its raw ticks to the tick stores where there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.feeds.exchange import Exchange
from cift.feeds.feed import Source
from cift.feeds.feed_driver import FeedDriver, Prepare
from cift.feeds.raw_ticks import RawTicks

if TYPE_CHECKING:
    from cift.platform.tick_stream import Ticks


async def follow(engine: Exchange, source: Source, prepare: Prepare, ticks: Ticks) -> None:
    """For ever, until cancelled."""
    if not ticks.are_kept:
        await FeedDriver(engine, source, prepare).run()
        return
    raw = RawTicks(ticks, source.name)
    async with raw.being_sent():
        await FeedDriver(engine, source, prepare, raw.put).run()
