"""Return, risk and outcomes of the account's trades: as a whole, per symbol and per day.

Return, volatility, Sharpe, Sortino, drawdown, exposure, turnover, win rate, profit factor. Days are UTC."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from cift.contracts.performance import Method, PerformanceView
from cift.function import Scale, http
from cift.kernel.clock import now_ns
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import performance_views


@http("GET", "/api/v1/trading/portfolio/performance", scope="read", scale=Scale(max=1))
async def get_performance(
    trader: Trader,
    database: Database,
    start: Annotated[str | None, Field(description="RFC 3339; default: the account's first day.")] = None,
    end: Annotated[str | None, Field(description="RFC 3339, not included; default: now.")] = None,
    method: Method = "average",
    days_per_year: Annotated[
        int, Field(ge=1, le=366, description="252 trading days, or 365 around the clock.")
    ] = 252,
    risk_free_percent: Annotated[
        float, Field(ge=-100, le=100, description="Return per year without risk, for Sharpe and Sortino.")
    ] = 0.0,
) -> PerformanceView:
    free = Decimal(str(risk_free_percent))
    return await performance_views.view(start, end, method, days_per_year, free, now_ns(), trader, database)
