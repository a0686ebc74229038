"""Replay a recorded day as the outside market, loop after loop (CIFT_MARKET=replay)."""

import functools
import os

from cift.bootstrap import state_facts
from cift.function import daemon
from cift.market import replay_driver
from cift.market.settings import MarketSettings
from cift.platform.engine import Engine


@daemon(extras=("polars",))
async def replay_market(engine: Engine) -> None:
    settings = MarketSettings.read(os.environ)
    if settings.market != "replay":
        return
    timeline = await replay_driver.load(settings)
    prepare = functools.partial(state_facts, engine)
    await replay_driver.ReplayDriver(engine, timeline, settings, prepare).run()
