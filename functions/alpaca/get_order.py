"""One order in Alpaca's form; `nested`: with its legs."""

from cift.alpaca import trading
from cift.alpaca.bodies import Order
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/orders/{order_id}", scope="read", form="alpaca", scale=Scale(max=2))
async def get_order(order_id: str, trader: Trader, database: Database, nested: bool = False) -> Order:
    return await trading.find(order_id, trader, database, nested=nested)
