"""Report when a feed of the outside market falls silent, and when it sends again."""

from cift.function import every
from cift.kernel.clock import now_ns
from cift.market_data import feeds
from cift.platform.engine import Engine
from cift.platform.valkey import Valkey


@every("5s")
async def detect_stale_feed(engine: Engine, valkey: Valkey) -> None:
    await feeds.report(feeds.states(await engine.query({"feeds": {}}), now_ns()), valkey)
