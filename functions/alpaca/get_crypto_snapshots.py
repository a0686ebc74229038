"""The last trade, quote, minute and days of instruments that trade around the clock."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta3/crypto/{loc}/snapshots", scope=None, form="alpaca", scale=Scale(max=1))
async def get_crypto_snapshots(
    loc: str, trader: Trader | None, engine: Engine, database: Database, symbols: str | None = None
) -> dict[str, Any]:
    chosen = market.choose(symbols, await market.directory(database), "crypto")
    return {"snapshots": await market.snapshots(chosen, engine, database)}
