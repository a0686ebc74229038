"""The account with its positions, valued by the engine, with realised profit and fees paid."""

from cift.contracts.accounts import PortfolioView
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import rules, store


@http("GET", "/api/v1/trading/portfolio", scope="read")
async def get_portfolio(trader: Trader, engine: Engine, database: Database) -> PortfolioView:
    answer = await engine.query({"account": trader.account_id})
    await database.caught_up(trader.account_id, "project_ledger")
    async with database.read(trader.account_id) as c:
        rows = await store.positions(c, trader.account_id)
        totals = await store.totals(c, trader.account_id)
    return rules.portfolio(answer, rows, totals)
