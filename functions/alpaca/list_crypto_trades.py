"""Trades of several instruments that trade around the clock in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta3/crypto/{loc}/trades", scope=None, form="alpaca", scale=Scale(max=1))
async def list_crypto_trades(
    loc: str,
    trader: Trader | None,
    database: Database,
    symbols: str | None = None,
    start: str | None = None,
    end: str | None = None,
    limit: int | None = None,
    sort: str | None = None,
    page_token: str | None = None,
) -> dict[str, Any]:
    chosen = market.choose(symbols, await market.directory(database), "crypto")
    found = await market.list_trades(chosen, market.window(start, end, limit, sort, page_token), database)
    return found.body("trades")
