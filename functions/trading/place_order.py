"""Place an order.

The order is stored durably in the journal before the response is sent. The response does not wait for the
read model. A refusal has the reason as its `code`, and the refused order is kept: `id` in the response names
it."""

from cift.contracts.headers import IdempotencyKey
from cift.contracts.orders import NewOrder, OrderView
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.trading import order_entry


@http(
    "POST", "/api/v1/trading/orders", scope="trade", status=201, scale=Scale(min=1, max=10), refusals=(404,)
)
async def place_order(
    order: NewOrder,
    trader: Trader,
    engine: Engine,
    idempotency_key: IdempotencyKey = None,
) -> OrderView:
    return await order_entry.place(order, trader, engine, idempotency_key)
