"""The latest quote of one stock in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/{symbol}/quotes/latest", scope="read", form="alpaca", scale=Scale(max=1))
async def get_latest_quote_of_stock(
    symbol: str,
    trader: Trader,
    database: Database,
    engine: Engine,
    feed: str | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    market.check_feed(feed)
    instrument = market.one(symbol, await market.directory(database))
    latest = await market.latest_quotes([instrument], engine)
    return {"symbol": instrument.symbol, "quote": latest.get(instrument.symbol)}
