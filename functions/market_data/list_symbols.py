"""The instruments that are traded here, by symbol."""

from typing import Annotated

from pydantic import Field

from cift.contracts.keyset import cut
from cift.contracts.market import SymbolView
from cift.contracts.orders import SYMBOL_PATTERN
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.market_data import rules, store
from cift.platform.postgres import Database


@http("GET", "/api/v1/market-data/symbols", scope=None)
async def list_symbols(
    page: PageRequest,
    database: Database,
    query: Annotated[
        str | None, Field(pattern=SYMBOL_PATTERN, description="What the symbol begins with.")
    ] = None,
) -> Page[SymbolView]:
    after = page.after()
    async with database.read() as c:
        rows = await store.symbols(c, query and query.upper(), after, page.limit + 1)
    return cut(rows, page.limit, rules.symbol_view, lambda row: row["symbol"])
