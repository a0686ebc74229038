"""List the orders of the account, newest first, with refused orders and legs."""

from typing import Annotated, Literal

from pydantic import Field

from cift.contracts import times
from cift.contracts.keyset import cut, number_and_uuid
from cift.contracts.orders import CLIENT_KEY_PATTERN, SYMBOL_PATTERN, OrderView
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import rules, store


@http("GET", "/api/v1/trading/orders", scope="read")
async def list_orders(
    page: PageRequest,
    trader: Trader,
    database: Database,
    status: Literal["open", "closed", "all"] = "all",
    symbol: Annotated[str | None, Field(pattern=SYMBOL_PATTERN)] = None,
    client_order_id: Annotated[str | None, Field(pattern=CLIENT_KEY_PATTERN)] = None,
    start: times.ListStart = None,
    end: times.ListEnd = None,
) -> Page[OrderView]:
    before = number_and_uuid(page)
    span = times.span_of(start, end)
    await database.caught_up(trader.account_id, "project_orders")
    async with database.read(trader.account_id) as c:
        rows = await store.orders(
            c,
            trader.account_id,
            is_open={"open": True, "closed": False, "all": None}[status],
            symbol=symbol and symbol.upper(),
            client_order_id=client_order_id,
            before=before,
            limit=page.limit + 1,
            span=span,
        )
    return cut(rows, page.limit, rules.order_view, lambda row: f"{row['created_sequence']}:{row['id']}")
