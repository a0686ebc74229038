"""Resume trading in a symbol that was halted."""

from cift.auth import store
from cift.contracts.operate import TradingHalt
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database
from cift.trading import operate


@http("POST", "/api/v1/operate/instruments/{symbol}/resume", scope="operate")
async def resume_instrument(
    symbol: str, trader: Trader, caller: Caller, engine: Engine, database: Database
) -> TradingHalt:
    async with database.write() as c:
        await store.audit(c, "instrument_resumed", caller, user_id=trader.user_id, subject=symbol)
    return await operate.set_halt(symbol, engine, halted=False)
