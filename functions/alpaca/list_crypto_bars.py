"""Bars of several instruments that trade around the clock in Alpaca's form."""

from typing import Any

from cift.alpaca import bars, market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta3/crypto/{loc}/bars", scope=None, form="alpaca", scale=Scale(max=1))
async def list_crypto_bars(
    loc: str,
    trader: Trader | None,
    database: Database,
    timeframe: str,
    symbols: str | None = None,
    start: str | None = None,
    end: str | None = None,
    limit: int | None = None,
    sort: str | None = None,
    page_token: str | None = None,
) -> dict[str, Any]:
    chosen = market.choose(symbols, await market.directory(database), "crypto")
    found = await market.list_bars(
        chosen,
        bars.timeframe(timeframe),
        market.window(start, end, limit, sort, page_token, default_days=1),
        database,
    )
    return found.body("bars")
