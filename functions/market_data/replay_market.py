"""Replay a recorded day as the outside market, loop after loop (CIFT_MARKET=replay)."""

import functools
import os

from cift import bootstrap
from cift.function import daemon
from cift.market import replay
from cift.market.follow import follow
from cift.market.settings import MarketSettings
from cift.platform.engine import Engine
from cift.platform.ticks import Ticks


@daemon(market="replay", extras=("polars",))
async def replay_market(engine: Engine, ticks: Ticks) -> None:
    settings = MarketSettings.read(os.environ)
    source = await replay.load(settings)
    lot = bootstrap.lot(in_whole_units=source.in_whole_units)
    prepare = functools.partial(bootstrap.state_facts, engine, "replay", source.symbols, lot)
    await follow(engine, source, prepare, ticks)
