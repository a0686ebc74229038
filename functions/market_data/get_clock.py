"""The time, whether this exchange is open, and the hours of the exchanges whose calendars it knows."""

from cift.contracts.hours import CalendarName, ClockView
from cift.function import http
from cift.kernel.clock import now_ns, rfc3339
from cift.market_data import hours
from cift.platform.calendars import known
from cift.platform.engine import Engine


@http("GET", "/api/v1/market-data/clock", scope=None)
async def get_clock(engine: Engine, calendar: CalendarName | None = None) -> ClockView:
    now = now_ns()
    clocks = [hours.clock(name, now) for name in (known() if calendar is None else [calendar])]
    answer = await engine.query({"feeds": {}})
    return ClockView.model_construct(now=rfc3339(now), is_open=not answer["closed"], items=clocks)
