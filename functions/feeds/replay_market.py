"""Replay the quotes and prints of a recorded day, in a loop (CIFT_MARKET=replay)."""

import functools
import os

from cift import bootstrap
from cift.feeds import replay
from cift.feeds.run_source import run_source
from cift.feeds.settings import MarketSettings
from cift.function import daemon
from cift.platform.engine import Engine
from cift.platform.tick_stream import Ticks


@daemon(market="replay", extras=("polars",))
async def replay_market(engine: Engine, ticks: Ticks) -> None:
    settings = MarketSettings.read(os.environ)
    source = await replay.load(settings)
    prepare = functools.partial(bootstrap.send_facts, engine, "replay", source.symbols, source.units)
    await run_source(engine, source, prepare, ticks)
