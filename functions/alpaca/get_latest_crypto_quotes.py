"""The latest quote of several instruments that trade around the clock in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta3/crypto/{loc}/latest/quotes", scope=None, form="alpaca", scale=Scale(max=1))
async def get_latest_crypto_quotes(
    loc: str, trader: Trader | None, database: Database, engine: Engine, symbols: str | None = None
) -> dict[str, Any]:
    chosen = market.choose(symbols, await market.directory(database), "crypto")
    latest = await market.latest_quotes(chosen, engine)
    return {"quotes": latest}
