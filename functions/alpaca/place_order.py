"""Place an order in Alpaca's form.

The order is durable before the response is sent. A `client_order_id` that was used before is refused: 422."""

from cift.alpaca import trading
from cift.alpaca.bodies import Order
from cift.alpaca.requests import OrderRequest
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("POST", "/v2/orders", scope="trade", form="alpaca", scale=Scale(min=1, max=3))
async def place_order(order: OrderRequest, trader: Trader, engine: Engine, database: Database) -> Order:
    return await trading.place(order, trader, engine, database)
