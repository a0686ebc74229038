"""List the fills of the account, newest first."""

from typing import Annotated

from pydantic import Field

from cift.contracts import times
from cift.contracts.keyset import cut, two_numbers
from cift.contracts.orders import SYMBOL_PATTERN, FillView
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import order_entry, rules, store


@http("GET", "/api/v1/trading/fills", scope="read", refusals=(404,))
async def list_fills(
    page: PageRequest,
    trader: Trader,
    database: Database,
    order_id: str | None = None,
    symbol: Annotated[str | None, Field(pattern=SYMBOL_PATTERN)] = None,
    start: times.ListStart = None,
    end: times.ListEnd = None,
) -> Page[FillView]:
    before = two_numbers(page)
    if order_id is not None:
        order_id = (await order_entry.find(order_id, trader, database)).id
    span = times.span_of(start, end)
    await database.caught_up(trader.account_id, "project_orders")
    async with database.read(trader.account_id) as c:
        rows = await store.fills(
            c,
            trader.account_id,
            order_id=order_id,
            symbol=symbol and symbol.upper(),
            before=before,
            limit=page.limit + 1,
            span=span,
        )
    return cut(rows, page.limit, rules.fill_view, lambda row: f"{row['sequence']}:{row['entry']}")
