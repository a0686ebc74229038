"""Runs a source: its prices to the engine, and its raw ticks to the tick stores if there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.feeds.exchange import Exchange
from cift.feeds.feed import Source
from cift.feeds.feed_driver import FeedDriver, Prepare
from cift.feeds.raw_ticks import RawTicks

if TYPE_CHECKING:
    from cift.platform.tick_stream import Ticks


async def run_source(engine: Exchange, source: Source, prepare: Prepare, ticks: Ticks) -> None:
    """Run until the source ends, or until cancelled."""
    if not ticks.are_kept:
        await FeedDriver(engine, source, prepare).run()
        return
    raw = RawTicks(ticks, source.name)
    async with raw.sending():
        await FeedDriver(engine, source, prepare, raw.put).run()
