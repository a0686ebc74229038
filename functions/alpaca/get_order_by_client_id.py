"""The newest order with this `client_order_id`, in Alpaca's form."""

from cift.alpaca import trading
from cift.alpaca.bodies import Order
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http(
    "GET", "/v2/orders:by_client_order_id", scope="read", form="alpaca", scale=Scale(max=2), refusals=(404,)
)
async def get_order_by_client_id(client_order_id: str, trader: Trader, database: Database) -> Order:
    return await trading.find_by_client_order_id(client_order_id, trader, database)
