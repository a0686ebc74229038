"""The latest bar of several stocks in Alpaca's form."""

from typing import Any

from cift.alpaca import bars, market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/bars/latest", scope="read", form="alpaca", scale=Scale(max=1))
async def get_latest_stock_bars(
    trader: Trader,
    database: Database,
    symbols: str | None = None,
    feed: str | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    market.check_feed(feed)
    chosen = market.choose(symbols, await market.directory(database), "us_equity")
    latest = {
        symbol: bars.body(found[0]) for symbol, found in (await market.latest_bars(chosen, database)).items()
    }
    return {"bars": latest}
