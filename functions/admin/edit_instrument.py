"""Set an instrument's name and trading calendar.

A field that is absent stays as it is; null restores its default."""

from cift.auth.store import audit
from cift.contracts.admin import InstrumentDetails, InstrumentEdit
from cift.function import Scale, http
from cift.market_data import instruments, live, store
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database


@http("PATCH", "/api/v1/admin/instruments/{symbol}", scope="admin", scale=Scale(max=1))
async def edit_instrument(
    symbol: str, edit: InstrumentEdit, trader: Trader, caller: Caller, engine: Engine, database: Database
) -> InstrumentDetails:
    changes = instruments.changes_of(edit)
    (quote,) = await live.quotes([symbol], engine)  # raises NotFound for an unknown symbol
    async with database.write() as c:
        await audit(c, "instrument_edited", caller, user_id=trader.user_id, subject=quote.symbol, **changes)
        row = await store.edit_details(c, quote.symbol, changes)
    return instruments.details_view(row)
