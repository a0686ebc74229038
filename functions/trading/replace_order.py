"""Change the quantity or the prices of an open order.

Only an order whose quantity alone is reduced keeps its place in the queue."""

from cift.contracts.headers import IdempotencyKey
from cift.contracts.orders import OrderChange, OrderView
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import order_entry


@http("PATCH", "/api/v1/trading/orders/{order_id}", scope="trade", scale=Scale(min=1, max=10))
async def replace_order(
    order_id: str,
    change: OrderChange,
    trader: Trader,
    engine: Engine,
    database: Database,
    idempotency_key: IdempotencyKey = None,
) -> OrderView:
    return await order_entry.replace(order_id, change, trader, engine, database, idempotency_key)
