"""List the trades of a symbol, newest first.

With a credential the list is complete up to the caller's own last command."""

from cift.contracts.market import Source, TradeView
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.market_data import rules, tape
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/api/v1/market-data/trades/{symbol}", scope=None)
async def list_trades(
    symbol: str, page: PageRequest, trader: Trader | None, database: Database, source: Source = "all"
) -> Page[TradeView]:
    name = rules.symbol_of(symbol)
    await tape.wait_for_own_trades(trader, database)
    return await tape.page_of_trades(name, source, page, database)
