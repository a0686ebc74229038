"""The last trade, quote, minute and days of several stocks in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/snapshots", scope="read", form="alpaca", scale=Scale(max=1))
async def get_stock_snapshots(
    trader: Trader,
    engine: Engine,
    database: Database,
    symbols: str | None = None,
    feed: str | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    market.check_feed(feed)
    chosen = market.choose(symbols, await market.directory(database), "us_equity")
    return await market.snapshots(chosen, engine, database)
