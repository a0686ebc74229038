"""List the closed trades of the account, newest first: entry, exit, profit, fees, time held."""

from typing import Annotated

from pydantic import Field

from cift.contracts.orders import SYMBOL_PATTERN
from cift.contracts.paging import Page, PageRequest
from cift.contracts.performance import ClosedTradeView, Method
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import performance_views


@http("GET", "/api/v1/trading/closed-trades", scope="read", scale=Scale(max=1))
async def list_closed_trades(
    page: PageRequest,
    trader: Trader,
    database: Database,
    method: Method = "average",
    symbol: Annotated[str | None, Field(pattern=SYMBOL_PATTERN)] = None,
) -> Page[ClosedTradeView]:
    return await performance_views.closed_trades(method, symbol and symbol.upper(), page, trader, database)
