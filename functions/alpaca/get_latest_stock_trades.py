"""The latest trade of several stocks in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/trades/latest", scope="read", form="alpaca", scale=Scale(max=1))
async def get_latest_stock_trades(
    trader: Trader,
    database: Database,
    symbols: str | None = None,
    feed: str | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    market.check_feed(feed)
    chosen = market.choose(symbols, await market.directory(database), "us_equity")
    latest = await market.latest_trades(chosen, database)
    return {"trades": latest}
