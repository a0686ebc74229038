"""Replace an open order. The response has a new id, and the old order has the status `replaced`."""

from cift.alpaca import trading
from cift.alpaca.bodies import Order
from cift.alpaca.requests import OrderPatch
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("PATCH", "/v2/orders/{order_id}", scope="trade", form="alpaca", scale=Scale(max=2))
async def replace_order(
    order_id: str, patch: OrderPatch, trader: Trader, engine: Engine, database: Database
) -> Order:
    return await trading.replace(order_id, patch, trader, engine, database)
