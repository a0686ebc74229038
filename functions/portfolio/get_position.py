"""The position in one symbol, at its mark.

A closed position shows its realised profit. `position_not_found` if the account never held the symbol."""

from cift.contracts.accounts import PositionView
from cift.function import http
from cift.kernel.errors import NotFound
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import rules, store


@http("GET", "/api/v1/trading/positions/{symbol}", scope="read")
async def get_position(symbol: str, trader: Trader, engine: Engine, database: Database) -> PositionView:
    name = symbol.upper()[:16]
    answer = await engine.query({"account": trader.account_id})
    await database.caught_up(trader.account_id, "project_ledger", "project_market")
    async with database.read(trader.account_id) as c:
        row = await store.position(c, trader.account_id, name)
    if row is None:
        raise NotFound("position_not_found", "You have never held this symbol", "symbol")
    held = (each for each in rules.open_positions(answer, [row]) if each.symbol == name)
    return next(held, None) or rules.position_view(row)
