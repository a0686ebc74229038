"""Follow Alpaca's live market as the outside market (CIFT_MARKET=alpaca)."""

import functools
import os

from cift import bootstrap
from cift.function import daemon
from cift.market.alpaca.source import AlpacaSource
from cift.market.follow import follow
from cift.market.settings import MarketSettings
from cift.platform.engine import Engine
from cift.platform.ticks import Ticks


@daemon(market="alpaca", extras=("feeds",))
async def follow_alpaca(engine: Engine, ticks: Ticks) -> None:
    settings = MarketSettings.read(os.environ)
    settings.check()
    source = AlpacaSource(settings.alpaca, settings.symbols or bootstrap.SYMBOLS, settings.hours)
    prepare = functools.partial(bootstrap.state_facts, engine, source.name, source.symbols)
    await follow(engine, source, prepare, ticks)
