"""When a session is open for a live feed. Pure.

`regular` is 9:30 to 16:00 in New York, Monday to Friday. Known limits: holidays and early closes are
not known here. On a holiday the session is open and nobody quotes; after an early close day orders rest
until 16:00.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cift.market.feed import Session
from cift.market.settings import Hours

NEW_YORK = ZoneInfo("America/New_York")
OPENS = time(9, 30)
CLOSES = time(16, 0)
SATURDAY = 5


def session(hours: Hours, now_ns: int) -> Session | None:
    """The session that is open now; of `always`, one without an end."""
    if hours == "always":
        return Session(0, None)
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).astimezone(NEW_YORK)
    if now.weekday() >= SATURDAY or not OPENS <= now.time() < CLOSES:
        return None
    return Session(_at(now, OPENS), _at(now, CLOSES))


def _at(day: datetime, clock: time) -> int:
    moment = datetime.combine(day.date(), clock, NEW_YORK)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * 1_000_000_000
