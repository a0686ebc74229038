"""cift/platform/calendars/XNYS.gen.json: when the New York Stock Exchange is open, from the library
exchange_calendars, which is well kept and brings pandas (84 MB, over a second to import). So it is asked
here, and what differs from "every weekday from 9:30 to 16:00" is committed: holidays and short days.

Weighed against pandas_market_calendars: the same days, but its schedules are built on exchange_calendars
itself.
"""

import json
from datetime import date, timedelta
from functools import cache

CALENDAR = "XNYS"
FIRST, LAST = date(1998, 1, 1), date(2035, 12, 31)
PATH = f"cift/platform/calendars/{CALENDAR}.gen.json"


@cache
def new_york() -> str:
    """The file's text."""
    import exchange_calendars

    found = exchange_calendars.get_calendar(CALENDAR, start=FIRST.isoformat(), end=LAST.isoformat())
    zone = found.tz
    usual = ("09:30", "16:00")
    days, odd = set(), {}
    for day, row in found.schedule.iterrows():
        session = day.date()
        days.add(session)
        hours = tuple(f"{row[name].tz_convert(zone):%H:%M}" for name in ("open", "close"))
        if hours != usual:
            odd[session.isoformat()] = list(hours)
    holidays = []
    session = FIRST
    while session <= LAST:
        if session.weekday() < 5 and session not in days:
            holidays.append(session.isoformat())
        session += timedelta(days=1)
    content = {
        "written_by": "make generate; do not edit",
        "calendar": CALENDAR,
        "zone": str(zone),
        "first": FIRST.isoformat(),
        "last": LAST.isoformat(),
        "usual": list(usual),
        "holidays": holidays,
        "odd_hours": odd,
    }
    return json.dumps(content, indent=1) + "\n"
