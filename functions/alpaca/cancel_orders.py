"""Cancel all open orders. The response lists them, each with the status of its own cancellation."""

from cift.alpaca import trading
from cift.alpaca.bodies import CanceledOrder
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("DELETE", "/v2/orders", scope="trade", form="alpaca", scale=Scale(max=1), status=207)
async def cancel_orders(trader: Trader, engine: Engine, database: Database) -> list[CanceledOrder]:
    return await trading.cancel_all(trader, engine, database)
