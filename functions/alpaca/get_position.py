"""The open position in a symbol or asset id, in Alpaca's form."""

from cift.alpaca import accounts
from cift.alpaca.bodies import Position
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/positions/{symbol_or_asset_id}", scope="read", form="alpaca", scale=Scale(max=1))
async def get_position(
    symbol_or_asset_id: str, trader: Trader, engine: Engine, database: Database
) -> Position:
    return await accounts.position(symbol_or_asset_id, trader, engine, database)
