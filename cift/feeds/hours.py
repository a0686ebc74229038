"""The sessions of a live feed. Pure.

`regular` is the calendar of the New York Stock Exchange, with its holidays and early closes. `always` is
for markets that trade around the clock, and for trying a feed at night.
"""

from __future__ import annotations

from cift.feeds.feed import Session
from cift.feeds.settings import Hours
from cift.platform.calendars import calendar


def session(hours: Hours, now_ns: int) -> Session | None:
    """The session that is open now, if any; with `always`, a session without an end."""
    if hours == "always":
        return Session(0, None)
    for found in calendar().sessions(now_ns, now_ns + 1):
        return Session(found.opens_ns, found.closes_ns)
    return None
