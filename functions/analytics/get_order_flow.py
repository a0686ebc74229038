"""Order-flow imbalance, by interval."""

from typing import Annotated

from pydantic import Field

from cift.contracts.analytics import OrderFlowView
from cift.contracts.market import Feed, Interval
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.history import analytics
from cift.market_data import rules
from cift.platform.clickhouse import ClickHouse


@http("GET", "/api/v1/analytics/order-flow/{symbol}", scope=None, extras=("clickhouse",))
async def get_order_flow(
    symbol: str,
    page: PageRequest,
    clickhouse: ClickHouse,
    interval: Interval = "1m",
    start: Annotated[str | None, Field(description="RFC 3339; default: a day before end.")] = None,
    end: Annotated[str | None, Field(description="RFC 3339, not included; default: now.")] = None,
    feed: Feed = None,
) -> Page[OrderFlowView]:
    span = analytics.span(rules.time_ns_of(start, "start"), rules.time_ns_of(end, "end"))
    return await analytics.order_flow(rules.symbol_of(symbol), feed, interval, span, page, clickhouse)
