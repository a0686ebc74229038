"""The equity of the account over time, with profit and drawdown, from its first day.

Computed from the ledger and the tape. `interval` is 1m, 5m, 15m, 1h or 1d; at most 5,000 points."""

from typing import Annotated, Literal

from pydantic import Field

from cift.contracts.accounts import HistoryView
from cift.function import http
from cift.kernel.clock import now_ns
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import equity_curve


@http("GET", "/api/v1/trading/portfolio/history", scope="read")
async def get_history(
    trader: Trader,
    database: Database,
    interval: Literal["1m", "5m", "15m", "1h", "1d"] = "1d",
    start: Annotated[str | None, Field(description="RFC 3339; default: the account's first day.")] = None,
    end: Annotated[str | None, Field(description="RFC 3339, not included; default: now.")] = None,
) -> HistoryView:
    return await equity_curve.view(interval, start, end, now_ns(), trader, database)
