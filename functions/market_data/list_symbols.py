"""List the instruments of the exchange, by symbol."""

from typing import Annotated

from pydantic import Field

from cift.contracts.keyset import cut, symbol
from cift.contracts.market import Line, SymbolView
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.kernel.clock import now_ns
from cift.market_data import instruments, store
from cift.platform.postgres import Database


@http("GET", "/api/v1/market-data/symbols", scope=None)
async def list_symbols(
    page: PageRequest,
    database: Database,
    query: Annotated[
        Line | None, Field(description="Part of the symbol or of the name, in any case.")
    ] = None,
) -> Page[SymbolView]:
    after = symbol(page)
    async with database.read() as c:
        rows = await store.symbols(c, query, after, page.limit + 1)
    hours = instruments.hours_of(rows, now_ns())
    return cut(rows, page.limit, lambda row: instruments.symbol_view(row, hours), lambda row: row["symbol"])
