"""The visible books of instruments that trade around the clock, in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta3/crypto/{loc}/latest/orderbooks", scope=None, form="alpaca", scale=Scale(max=1))
async def get_crypto_books(
    loc: str, trader: Trader | None, engine: Engine, database: Database, symbols: str | None = None
) -> dict[str, Any]:
    chosen = market.choose(symbols, await market.directory(database), "crypto")
    return {"orderbooks": await market.orderbooks(chosen, engine, 50)}
