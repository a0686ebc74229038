"""Cancel an open order. Returns the order in its final state."""

from cift.contracts.headers import IdempotencyKey
from cift.contracts.orders import OrderView
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import order_entry


@http("DELETE", "/api/v1/trading/orders/{order_id}", scope="trade", scale=Scale(min=1, max=10))
async def cancel_order(
    order_id: str,
    trader: Trader,
    engine: Engine,
    database: Database,
    idempotency_key: IdempotencyKey = None,
) -> OrderView:
    return await order_entry.cancel(order_id, trader, engine, database, idempotency_key)
