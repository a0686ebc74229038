"""Close all positions by market orders. The response lists them, each with its own status."""

from cift.alpaca import accounts
from cift.alpaca.bodies import ClosedPosition
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("DELETE", "/v2/positions", scope="trade", form="alpaca", scale=Scale(max=1), status=207)
async def close_positions(
    trader: Trader, engine: Engine, database: Database, cancel_orders: bool = False
) -> list[ClosedPosition]:
    return await accounts.close_all(cancel_orders, trader, engine, database)
