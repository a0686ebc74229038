"""cift/platform/calendars/*.gen.json: the hours of real exchanges, from the library exchange_calendars.

The library is well maintained, but needs pandas (84 MB, over a second to import). So only the generator uses
it, and the differences from the usual week are committed: holidays and days with other hours.

The alternative pandas_market_calendars has the same days, and builds its schedules on exchange_calendars.
"""

import json
from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from cift.platform.calendars import file_name

CALENDARS = (*("24/7", "XAMS", "XASX", "XETR", "XLON", "XNAS", "XNYS", "XPAR", "XSWX", "XTKS", "XTSE"),)
"""Names of the library. To add a calendar, add its name."""
FIRST, LAST = date(1998, 1, 1), date(2035, 12, 31)
Hours = list[str]
"""The hours of one day in the exchange's zone: `09:30-16:00`, or two such spans around a lunch break; 24:00
is the next midnight."""


@cache
def files() -> dict[str, str]:
    """Name and text of each calendar's file."""
    return {file_name(name): json.dumps(_content(name), indent=1) + "\n" for name in CALENDARS}


def _content(name: str) -> dict[str, Any]:
    import exchange_calendars

    head = {"written_by": "make generate; do not edit", "calendar": name}
    same = exchange_calendars.resolve_alias(name)
    if same in CALENDARS and same != name:
        return head | {"same_as": same}
    found = exchange_calendars.get_calendar(name, start=FIRST.isoformat(), end=LAST.isoformat())
    usual = _usual(found)
    begins = [date.fromisoformat(day) for day in usual]
    sessions = {day.date(): _hours(day.date(), row, found.tz) for day, row in found.schedule.iterrows()}
    weekdays = [number for number, worked in enumerate(found.weekmask) if worked == "1"]
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    assert all(day.weekday() in weekdays for day in sessions), f"{name} has sessions outside its week mask"
    return head | {
        "zone": str(found.tz),
        "first": FIRST.isoformat(),
        "last": LAST.isoformat(),
        "weekdays": weekdays,
        "usual": usual,
        "holidays": [day.isoformat() for day in days if day.weekday() in weekdays and day not in sessions],
        "odd_hours": {
            day.isoformat(): hours
            for day, hours in sessions.items()
            if hours != list(usual.values())[bisect_right(begins, day) - 1]
        },
    }


def _usual(found: Any) -> dict[str, Hours]:
    """The usual hours, by the day from which on they apply."""

    def begin(since: Any) -> date:
        return FIRST if since is None else max(since.date(), FIRST)

    def at(times: Any, day: date) -> time:
        newest: time = [moment for since, moment in times if begin(since) <= day][-1]
        return newest

    columns = (found.open_times, found.break_start_times, found.break_end_times, found.close_times)
    edges = [times for times in columns if times is not None]
    usual = {}
    for day in sorted({begin(since) for times in edges for since, _ in times}):
        texts = [f"{at(times, day):%H:%M}" for times in edges]
        if found.close_offset:
            assert (found.close_offset, texts[-1]) == (1, "00:00"), "a close on the next day must be at 00:00"
            texts[-1] = "24:00"
        usual[day.isoformat()] = _spans(texts)
    return usual


def _hours(day: date, row: Any, zone: Any) -> Hours:
    """One session's hours."""
    moments = [row[name] for name in ("open", "break_start", "break_end", "close")]
    # A missing time (NaT) is not equal to itself.
    return _spans([_text(day, moment.tz_convert(zone)) for moment in moments if moment == moment])


def _text(day: date, moment: datetime) -> str:
    if moment.date() == day:
        return f"{moment:%H:%M}"
    assert moment.date() == day + timedelta(days=1) and f"{moment:%H:%M}" == "00:00", f"{moment} of {day}"
    return "24:00"


def _spans(texts: list[str]) -> Hours:
    return [f"{opens}-{closes}" for opens, closes in zip(texts[::2], texts[1::2], strict=True)]
