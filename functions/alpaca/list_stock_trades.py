"""Trades of several stocks in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/trades", scope="read", form="alpaca", scale=Scale(max=1))
async def list_stock_trades(
    trader: Trader,
    database: Database,
    symbols: str | None = None,
    start: str | None = None,
    end: str | None = None,
    limit: int | None = None,
    sort: str | None = None,
    page_token: str | None = None,
    feed: str | None = None,
    asof: str | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    market.check_feed(feed)
    chosen = market.choose(symbols, await market.directory(database), "us_equity")
    found = await market.list_trades(chosen, market.window(start, end, limit, sort, page_token), database)
    return found.body("trades")
