"""Trades of one stock in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/{symbol}/trades", scope="read", form="alpaca", scale=Scale(max=1))
async def get_trades_of_stock(
    symbol: str,
    trader: Trader,
    database: Database,
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
    instrument = market.one(symbol, await market.directory(database))
    found = await market.list_trades(
        [instrument], market.window(start, end, limit, sort, page_token), database
    )
    return found.body_of("trades", instrument.symbol)
