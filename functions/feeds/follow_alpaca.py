"""Send the quotes and prints of Alpaca's live feed to the engine (CIFT_MARKET=alpaca)."""

import functools
import os

from cift import bootstrap
from cift.feeds.alpaca.source import AlpacaSource
from cift.feeds.run_source import run_source
from cift.feeds.settings import MarketSettings
from cift.function import daemon
from cift.platform.engine import Engine
from cift.platform.tick_stream import Ticks


@daemon(market="alpaca", extras=("feeds",))
async def follow_alpaca(engine: Engine, ticks: Ticks) -> None:
    settings = MarketSettings.read(os.environ)
    settings.check()
    source = AlpacaSource(settings.alpaca, settings.symbols or bootstrap.SYMBOLS, settings.hours)
    prepare = functools.partial(bootstrap.send_facts, engine, source.name, source.symbols)
    await run_source(engine, source, prepare, ticks)
