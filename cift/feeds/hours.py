"""When a session is open for a live feed. Pure.

`regular` is the New York Stock Exchange's own calendar, holidays and early closes included. `always` is
for what trades around the clock, and for trying a feed at night.
"""

from __future__ import annotations

from cift.feeds.feed import Session
from cift.feeds.settings import Hours
from cift.platform.calendars import calendar


def session(hours: Hours, now_ns: int) -> Session | None:
    """The session that is open now; of `always`, one without an end."""
    if hours == "always":
        return Session(0, None)
    for found in calendar().sessions(now_ns, now_ns + 1):
        return Session(found.opens_ns, found.closes_ns)
    return None
