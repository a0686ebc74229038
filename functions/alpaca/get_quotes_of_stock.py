"""Quotes of one stock in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.nats import Nats
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/{symbol}/quotes", scope="read", form="alpaca", scale=Scale(max=1))
async def get_quotes_of_stock(
    symbol: str,
    trader: Trader,
    database: Database,
    nats: Nats,
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
    found = await market.list_quotes([instrument], market.window(start, end, limit, sort, page_token), nats)
    return found.body_of("quotes", instrument.symbol)
