"""One order with its current state."""

from cift.contracts.orders import OrderView
from cift.function import http
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import order_entry


@http("GET", "/api/v1/trading/orders/{order_id}", scope="read")
async def get_order(order_id: str, trader: Trader, database: Database) -> OrderView:
    return await order_entry.find(order_id, trader, database)
