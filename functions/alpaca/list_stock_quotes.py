"""Quotes of several stocks in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.nats import Nats
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/quotes", scope="read", form="alpaca", scale=Scale(max=1))
async def list_stock_quotes(
    trader: Trader,
    database: Database,
    nats: Nats,
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
    found = await market.list_quotes(chosen, market.window(start, end, limit, sort, page_token), nats)
    return found.body("quotes")
