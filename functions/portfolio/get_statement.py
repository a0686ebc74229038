"""The statement of a day (`2026-11-30`) or a month (`2026-11`): equity, cash, fees, trades, positions."""

from cift.contracts.performance import StatementView
from cift.function import Scale, http
from cift.kernel.clock import now_ns
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import statement


@http("GET", "/api/v1/trading/statements/{period}", scope="read", scale=Scale(max=1))
async def get_statement(period: str, trader: Trader, database: Database) -> StatementView:
    return await statement.view(period, now_ns(), trader, database)
