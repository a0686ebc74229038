"""The account's fills compared with the market, newest first: effective spread, and slippage since arrival.

Fills are archived with a short delay; the newest ones may be missing."""

from cift.contracts.analytics import ExecutionView
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.history import analytics
from cift.platform.clickhouse import ClickHouse
from cift.platform.identity import Trader


@http("GET", "/api/v1/analytics/executions", scope="read", extras=("clickhouse",))
async def list_executions(page: PageRequest, trader: Trader, clickhouse: ClickHouse) -> Page[ExecutionView]:
    return await analytics.executions(trader.account_id, page, clickhouse)
