"""List an instrument: it can be traded as soon as this is answered.

A repetition with equal terms changes nothing; its name and calendar are set."""

from cift.admin import instruments
from cift.auth.store import audit
from cift.contracts.admin import InstrumentTerms, NewInstrument
from cift.function import Scale, http
from cift.market_data import instruments as details
from cift.market_data import store
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database


@http("POST", "/api/v1/admin/instruments", scope="admin", status=201, scale=Scale(max=1))
async def add_instrument(
    body: NewInstrument, trader: Trader, caller: Caller, engine: Engine, database: Database
) -> InstrumentTerms:
    changes = details.details_of(body)
    terms = instruments.command_of(body)
    async with database.write() as c:
        await audit(c, "instrument_added", caller, user_id=trader.user_id, subject=terms["symbol"])
    await instruments.define(terms, engine)
    async with database.write() as c:
        row = await store.edit_details(c, terms["symbol"], changes)
    return instruments.terms_view(terms, row["name"], details.calendar_of(row))
