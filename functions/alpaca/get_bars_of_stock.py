"""Bars of one stock in Alpaca's form."""

from typing import Any

from cift.alpaca import bars, market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/{symbol}/bars", scope="read", form="alpaca", scale=Scale(max=1))
async def get_bars_of_stock(
    symbol: str,
    trader: Trader,
    database: Database,
    timeframe: str,
    start: str | None = None,
    end: str | None = None,
    limit: int | None = None,
    sort: str | None = None,
    page_token: str | None = None,
    feed: str | None = None,
    asof: str | None = None,
    currency: str | None = None,
    adjustment: str = "raw",
) -> dict[str, Any]:
    market.check_feed(feed)
    instrument = market.one(symbol, await market.directory(database))
    found = await market.list_bars(
        [instrument],
        bars.timeframe(timeframe),
        market.window(start, end, limit, sort, page_token, default_days=1),
        database,
    )
    return found.body_of("bars", instrument.symbol)
