"""Cancel an open order. The response is empty."""

from cift.alpaca import trading
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("DELETE", "/v2/orders/{order_id}", scope="trade", form="alpaca", status=204, scale=Scale(min=1, max=3))
async def cancel_order(order_id: str, trader: Trader, engine: Engine, database: Database) -> None:
    await trading.cancel(order_id, trader, engine, database)
