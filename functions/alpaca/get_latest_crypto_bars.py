"""The latest bar of several instruments that trade around the clock in Alpaca's form."""

from typing import Any

from cift.alpaca import bars, market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta3/crypto/{loc}/latest/bars", scope=None, form="alpaca", scale=Scale(max=1))
async def get_latest_crypto_bars(
    loc: str, trader: Trader | None, database: Database, symbols: str | None = None
) -> dict[str, Any]:
    chosen = market.choose(symbols, await market.directory(database), "crypto")
    latest = {
        symbol: bars.body(found[0]) for symbol, found in (await market.latest_bars(chosen, database)).items()
    }
    return {"bars": latest}
