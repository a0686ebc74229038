"""The instruments that are traded here, by symbol."""

from typing import Annotated

from pydantic import Field

from cift.contracts.keyset import cut
from cift.contracts.market import SymbolView
from cift.contracts.orders import SYMBOL_PATTERN
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.kernel.clock import now_ns
from cift.market_data import rules, store
from cift.platform.calendars import calendar
from cift.platform.postgres import Database


@http("GET", "/api/v1/market-data/symbols", scope=None)
async def list_symbols(
    page: PageRequest,
    database: Database,
    query: Annotated[str | None, Field(pattern=SYMBOL_PATTERN, description="A part of the symbol.")] = None,
) -> Page[SymbolView]:
    after = page.after()
    async with database.read() as c:
        rows = await store.symbols(c, query and query.upper(), after, page.limit + 1)
    days = calendar()
    hours = days.state(now_ns())
    return cut(
        rows, page.limit, lambda row: rules.symbol_view(row, hours, days.name), lambda row: row["symbol"]
    )
