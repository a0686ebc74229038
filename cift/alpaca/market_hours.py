"""Clock and calendar in Alpaca's form.

`is_open` is this exchange's own state: it trades around the clock unless an operator sets sessions. The next
opening and closing times are those of the New York Stock Exchange.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cift.alpaca.bodies import CalendarDay, Clock
from cift.alpaca.errors import invalid
from cift.kernel.clock import to_datetime
from cift.platform.calendars import Calendar, NoSuchDay, calendar
from cift.platform.engine import Engine

_AHEAD = timedelta(days=14)
DAYS_MAX = 366 * 30
_ZONE = ZoneInfo("America/New_York")


async def clock(engine: Engine, now_ns: int) -> Clock:
    """The exchange's clock. Raises Unavailable."""
    answer = await engine.query({"feeds": {}})
    hours = calendar()
    sessions = hours.sessions(now_ns, now_ns + int(_AHEAD.total_seconds()) * 10**9)
    opens = next(each.opens_ns for each in sessions if each.opens_ns > now_ns)
    closes = next(each.closes_ns for each in sessions if each.closes_ns > now_ns)
    return {
        "timestamp": _text(now_ns),
        "is_open": not answer["closed"],
        "next_open": _text(opens),
        "next_close": _text(closes),
    }


def _text(nanoseconds: int) -> str:
    return to_datetime(nanoseconds).astimezone(_ZONE).isoformat()


def days(start: date | None, end: date | None) -> list[CalendarDay]:
    """The trading days of the New York Stock Exchange from `start` to `end`, both included; without them, all
    that are known.

    Raises:
        AlpacaError: end is before start.
    """
    hours = calendar()
    first = max(start or hours.first, hours.first)
    last = min(end or hours.last, hours.last)
    if start is not None and end is not None and end < start:
        raise invalid("end must not be before start")
    found = []
    day = first
    while day <= last:
        listed = _day(hours, day)
        if listed is not None:
            found.append(listed)
        day += timedelta(days=1)
    return found


def _day(hours: Calendar, day: date) -> CalendarDay | None:
    session = hours.session(day)
    if session is None:
        return None
    opens, closes = _local(session.opens_ns, hours), _local(session.closes_ns, hours)
    return {
        "date": day.isoformat(),
        "open": f"{opens:%H:%M}",
        "close": f"{closes:%H:%M}",
        "session_open": "0400",
        "session_close": f"{closes + timedelta(hours=4):%H%M}",
        "settlement_date": _next_session(hours, day).isoformat(),
    }


def _local(nanoseconds: int, hours: Calendar) -> datetime:
    return to_datetime(nanoseconds).astimezone(hours.zone)


def _next_session(hours: Calendar, day: date) -> date:
    """The next trading day, on which trades of `day` settle; the day itself at the end of the calendar."""
    after = day
    try:
        while True:
            after += timedelta(days=1)
            if hours.session(after) is not None:
                return after
    except NoSuchDay:
        return day
