"""Auctions of several stocks: this exchange has none, so the list is empty."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/stocks/auctions", scope="read", form="alpaca", scale=Scale(max=1))
async def list_auctions(
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
    return {"auctions": {each.symbol: [] for each in chosen}, "next_page_token": None}
