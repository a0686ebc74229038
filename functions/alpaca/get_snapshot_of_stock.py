"""The last trade, quote, minute and days of one stock in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/{symbol}/snapshot", scope="read", form="alpaca", scale=Scale(max=1))
async def get_snapshot_of_stock(
    symbol: str,
    trader: Trader,
    engine: Engine,
    database: Database,
    feed: str | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    market.check_feed(feed)
    instrument = market.one(symbol, await market.directory(database))
    found = await market.snapshots([instrument], engine, database)
    return {"symbol": instrument.symbol, **found[instrument.symbol]}
