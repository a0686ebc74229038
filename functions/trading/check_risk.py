"""Check whether the engine would admit an order now, and what it would reserve. Nothing is placed."""

from cift.contracts.orders import NewOrder, RiskCheckView
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.trading import queries


@http("POST", "/api/v1/trading/risk/check", scope="read", refusals=(404,))
async def check_risk(order: NewOrder, trader: Trader, engine: Engine) -> RiskCheckView:
    return await queries.check(order, trader, engine)
