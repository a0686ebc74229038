"""One instrument by symbol or asset id, in Alpaca's form."""

from cift.alpaca import assets
from cift.alpaca.bodies import Asset
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/assets/{symbol_or_asset_id}", scope="read", form="alpaca", scale=Scale(max=1))
async def get_asset(symbol_or_asset_id: str, trader: Trader, database: Database) -> Asset:
    return assets.body((await assets.directory(database)).require(symbol_or_asset_id))
