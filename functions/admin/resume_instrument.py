"""Resume trading in a halted symbol."""

from cift.admin import halts
from cift.auth import store
from cift.contracts.admin import TradingHalt
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database


@http("POST", "/api/v1/admin/instruments/{symbol}/resume", scope="admin")
async def resume_instrument(
    symbol: str, trader: Trader, caller: Caller, engine: Engine, database: Database
) -> TradingHalt:
    async with database.write() as c:
        await store.audit(c, "instrument_resumed", caller, user_id=trader.user_id, subject=symbol)
    return await halts.set_halt(symbol, engine, halted=False)
