"""Volume by price band, lowest price first."""

from typing import Annotated

from pydantic import Field

from cift.contracts import times
from cift.contracts.analytics import VolumeAtPriceView
from cift.contracts.market import DaySpanEnd, DaySpanStart, Feed, Source
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.history import analytics
from cift.market_data import rules
from cift.platform.clickhouse import ClickHouse


@http("GET", "/api/v1/analytics/volume-profile/{symbol}", scope=None, extras=("clickhouse",))
async def get_volume_profile(
    symbol: str,
    page: PageRequest,
    clickhouse: ClickHouse,
    step: Annotated[str, Field(description="Height of a price band, a decimal above 0.")] = "0.01",
    start: DaySpanStart = None,
    end: DaySpanEnd = None,
    source: Source = "all",
    feed: Feed = None,
) -> Page[VolumeAtPriceView]:
    span = analytics.query_range(times.time_ns_of(start, "start"), times.time_ns_of(end, "end"))
    height = rules.step_of(step)
    return await analytics.volume_profile(
        rules.symbol_of(symbol), source, feed, height, span, page, clickhouse
    )
