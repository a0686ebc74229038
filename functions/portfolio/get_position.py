"""The position in one symbol.

A closed position shows its realised profit. `position_not_found` if the account never held the symbol."""

from cift.contracts.accounts import PositionView
from cift.function import http
from cift.kernel.errors import NotFound
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import rules, store


@http("GET", "/api/v1/trading/positions/{symbol}", scope="read")
async def get_position(symbol: str, trader: Trader, database: Database) -> PositionView:
    await database.caught_up(trader.account_id, "project_ledger", "project_market")
    async with database.read(trader.account_id) as c:
        row = await store.position(c, trader.account_id, symbol.upper()[:16])
    if row is None:
        raise NotFound("position_not_found", "You have never held this symbol", "symbol")
    return rules.position_view(row)
