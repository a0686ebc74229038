"""Run seeded agents that trade with each other and with all users (CIFT_MARKET=agents)."""

import functools
import os

from cift import bootstrap
from cift.feeds.agent_driver import AgentDriver
from cift.feeds.settings import MarketSettings
from cift.function import daemon
from cift.platform.engine import Engine


@daemon(market="agents")
async def run_agents(engine: Engine) -> None:
    settings = MarketSettings.read(os.environ)
    symbols = settings.symbols or bootstrap.AGENTS_SYMBOLS
    prepare = functools.partial(bootstrap.send_facts, engine, "replay", symbols)
    await AgentDriver(engine, symbols, settings, prepare).run()
