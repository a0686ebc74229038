"""Send the quotes and prints of Massive (formerly Polygon) to the engine (CIFT_MARKET=massive)."""

import functools
import os

from cift import bootstrap
from cift.feeds.massive.source import MassiveSource
from cift.feeds.run_source import run_source
from cift.feeds.settings import MarketSettings
from cift.function import daemon
from cift.platform.engine import Engine
from cift.platform.tick_stream import Ticks


@daemon(market="massive", extras=("feeds",))
async def follow_massive(engine: Engine, ticks: Ticks) -> None:
    settings = MarketSettings.read(os.environ)
    settings.check()
    source = MassiveSource(settings.massive, settings.symbols or bootstrap.SYMBOLS, settings.hours)
    prepare = functools.partial(bootstrap.send_facts, engine, source.name, source.symbols)
    await run_source(engine, source, prepare, ticks)
