"""List the open positions of the account at their marks."""

from cift.contracts.accounts import PositionsView
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import rules, store


@http("GET", "/api/v1/trading/positions", scope="read")
async def list_positions(trader: Trader, engine: Engine, database: Database) -> PositionsView:
    answer = await engine.query({"account": trader.account_id})
    await database.caught_up(trader.account_id, "project_ledger")
    async with database.read(trader.account_id) as c:
        rows = await store.positions(c, trader.account_id)
    return PositionsView.model_construct(items=rules.open_positions(answer, rows), next_cursor=None)
