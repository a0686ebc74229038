"""The latest bar of one stock in Alpaca's form."""

from typing import Any

from cift.alpaca import bars, market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/{symbol}/bars/latest", scope="read", form="alpaca", scale=Scale(max=1))
async def get_latest_bar_of_stock(
    symbol: str, trader: Trader, database: Database, feed: str | None = None, currency: str | None = None
) -> dict[str, Any]:
    market.check_feed(feed)
    instrument = market.one(symbol, await market.directory(database))
    latest = {
        symbol: bars.body(found[0])
        for symbol, found in (await market.latest_bars([instrument], database)).items()
    }
    return {"symbol": instrument.symbol, "bar": latest.get(instrument.symbol)}
