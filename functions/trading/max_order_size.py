"""The largest quantity that the engine would admit now; 0 if it would admit none."""

from cift.contracts.amounts import Nanos
from cift.contracts.orders import MaxOrderSizeView, OrderTypeInput, SideInput
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.trading import queries


@http("GET", "/api/v1/trading/risk/max-order-size/{symbol}", scope="read")
async def max_order_size(
    symbol: str,
    side: SideInput,
    trader: Trader,
    engine: Engine,
    type: OrderTypeInput = "market",
    limit_price: Nanos | None = None,
    stop_price: Nanos | None = None,
) -> MaxOrderSizeView:
    return await queries.max_order_size(symbol, side, type, limit_price, stop_price, trader, engine)
