"""The trading days and hours of an exchange.

Days are in the exchange's own zone; holidays and weekends are left out, half days have their own close."""

from typing import Annotated

from pydantic import Field

from cift.contracts import times
from cift.contracts.hours import CalendarName, CalendarView
from cift.function import http
from cift.kernel.clock import now_ns
from cift.market_data import hours


@http("GET", "/api/v1/market-data/calendar", scope=None)
async def get_calendar(
    calendar: CalendarName = "XNYS",
    start: Annotated[str | None, Field(description="First day, YYYY-MM-DD; default: today.")] = None,
    end: Annotated[str | None, Field(description="Last day; default: two weeks after the first.")] = None,
) -> CalendarView:
    return hours.view(calendar, times.day_of(start, "start"), times.day_of(end, "end"), now_ns())
