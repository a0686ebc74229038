"""List the open positions in Alpaca's form, from the engine."""

from cift.alpaca import accounts
from cift.alpaca.bodies import Position
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/positions", scope="read", form="alpaca", scale=Scale(max=1))
async def list_positions(trader: Trader, engine: Engine, database: Database) -> list[Position]:
    return await accounts.positions(trader, engine, database)
