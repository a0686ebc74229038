"""Auctions of one stock: this exchange has none, so the list is empty."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/{symbol}/auctions", scope="read", form="alpaca", scale=Scale(max=1))
async def get_auctions_of_stock(
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
    return {"symbol": instrument.symbol, "auctions": [], "next_page_token": None}
