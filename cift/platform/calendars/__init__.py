"""Sessions of real exchanges: which days they open, from when to when.

`<calendar>.gen.json` holds what differs from the usual week (`cift/generate/calendars.py`); beyond its last
day nothing is known, and asking is an error, for a guess would be a wrong bar.
"""

import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from cift.kernel.clock import from_datetime

FOLDER = Path(__file__).resolve().parent
DEFAULT = "XNYS"


class NoSuchDay(ValueError):
    """The calendar does not reach that far."""


@dataclass(frozen=True, slots=True)
class Session:
    """One day's regular hours; ns since the Unix epoch, the close not included."""

    day: date
    opens_ns: int
    closes_ns: int


class Calendar:
    """One exchange's days."""

    def __init__(self, name: str) -> None:
        told = json.loads((FOLDER / f"{name}.gen.json").read_text())
        self.name = name
        self.zone = ZoneInfo(told["zone"])
        self.first, self.last = date.fromisoformat(told["first"]), date.fromisoformat(told["last"])
        self._usual = tuple(time.fromisoformat(text) for text in told["usual"])
        self._holidays = {date.fromisoformat(text) for text in told["holidays"]}
        self._odd = {
            date.fromisoformat(day): tuple(time.fromisoformat(text) for text in hours)
            for day, hours in told["odd_hours"].items()
        }

    def session(self, day: date) -> Session | None:
        """The session of that day of the exchange's own zone, None where it is closed.

        Raises:
            NoSuchDay: outside of what the calendar knows.
        """
        if not self.first <= day <= self.last:
            raise NoSuchDay(f"{self.name} is known from {self.first} to {self.last}, not on {day}")
        if day.weekday() >= 5 or day in self._holidays:
            return None
        opens, closes = self._odd.get(day, self._usual)
        return Session(
            day,
            from_datetime(datetime.combine(day, opens, self.zone)),
            from_datetime(datetime.combine(day, closes, self.zone)),
        )

    def sessions(self, since_ns: int, until_ns: int) -> list[Session]:
        """Sessions that overlap [since, until), oldest first. Raises NoSuchDay."""
        day = datetime.fromtimestamp(since_ns // 10**9, UTC).astimezone(self.zone).date()
        last = datetime.fromtimestamp(max(until_ns - 1, since_ns) // 10**9, UTC).astimezone(self.zone).date()
        found = []
        while day <= last:
            session = self.session(day)
            if session is not None and session.closes_ns > since_ns and session.opens_ns < until_ns:
                found.append(session)
            day += timedelta(days=1)
        return found

    def state(self, now_ns: int) -> tuple[bool, int]:
        """Whether it is open, and when that changes next (ns). Raises NoSuchDay."""
        coming = self.sessions(now_ns, now_ns + 14 * 86_400 * 10**9)
        edges = sorted(edge for s in coming for edge in (s.opens_ns, s.closes_ns))
        at = bisect_right(edges, now_ns)
        return bool(coming) and coming[0].opens_ns <= now_ns, edges[at]


@lru_cache(maxsize=8)
def calendar(name: str = DEFAULT) -> Calendar:
    """A calendar by its market identifier (ISO 10383)."""
    return Calendar(name)
