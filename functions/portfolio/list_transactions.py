"""List the changes of the account's cash, newest first: transfers, trades, fees and dividends."""

from typing import Annotated

from pydantic import Field

from cift.contracts import times
from cift.contracts.accounts import TransactionKind, TransactionView
from cift.contracts.keyset import cut, two_numbers
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.kernel.errors import Refused
from cift.kernel.ids import parse_uuid
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import rules, store


@http("GET", "/api/v1/trading/transactions", scope="read")
async def list_transactions(
    page: PageRequest,
    trader: Trader,
    database: Database,
    kind: TransactionKind | None = None,
    transfer_id: Annotated[
        str | None,
        Field(description="Only the transfer with this id, such as the `id` of an outcome_unknown."),
    ] = None,
    start: times.ListStart = None,
    end: times.ListEnd = None,
) -> Page[TransactionView]:
    before = two_numbers(page)
    if transfer_id is not None and (transfer_id := parse_uuid(transfer_id)) is None:
        raise Refused("invalid_request", "transfer_id must be a UUID", "transfer_id")
    span = times.span_of(start, end)
    await database.caught_up(trader.account_id, "project_ledger")
    async with database.read(trader.account_id) as c:
        rows = await store.transactions(
            c,
            trader.account_id,
            kind=kind,
            transfer_id=transfer_id,
            before=before,
            limit=page.limit + 1,
            span=span,
        )
    return cut(rows, page.limit, rules.transaction_view, lambda row: f"{row['sequence']}:{row['entry']}")
