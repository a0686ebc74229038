"""The trading days of the New York Stock Exchange in Alpaca's form."""

from cift.alpaca import market_hours, times
from cift.alpaca.bodies import CalendarDay
from cift.function import Scale, http
from cift.platform.identity import Trader


@http("GET", "/v2/calendar", scope="read", form="alpaca", scale=Scale(max=1))
async def get_calendar(trader: Trader, start: str | None = None, end: str | None = None) -> list[CalendarDay]:
    return market_hours.days(times.day(start, "start"), times.day(end, "end"))
