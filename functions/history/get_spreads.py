"""Spread and sizes of the best quote, by interval.

Oldest first; without `start` the last `limit` intervals of the day before `end`."""

from cift.contracts import times
from cift.contracts.analytics import SpreadView
from cift.contracts.market import DaySpanEnd, DaySpanStart, Feed, Interval
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.history import analytics
from cift.market_data import rules
from cift.platform.clickhouse import ClickHouse


@http("GET", "/api/v1/analytics/spread/{symbol}", scope=None, extras=("clickhouse",))
async def get_spreads(
    symbol: str,
    page: PageRequest,
    clickhouse: ClickHouse,
    interval: Interval = "1m",
    start: DaySpanStart = None,
    end: DaySpanEnd = None,
    feed: Feed = None,
) -> Page[SpreadView]:
    span = analytics.query_range(times.time_ns_of(start, "start"), times.time_ns_of(end, "end"))
    name = rules.symbol_of(symbol)
    return await analytics.spreads(name, feed, interval, span, page, clickhouse, is_last=start is None)
