"""Cash, equity and buying power of the account, from the engine."""

from cift.contracts.accounts import BuyingPowerView
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.portfolio import rules


@http("GET", "/api/v1/trading/account/buying-power", scope="read")
async def buying_power(trader: Trader, engine: Engine) -> BuyingPowerView:
    return rules.buying_power(await engine.query({"account": trader.account_id}))
