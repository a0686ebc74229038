"""Sessions of real exchanges: which days they open, from when to when.

`<calendar>.gen.json` holds what differs from the usual week (`cift/generate/calendars.py`); beyond its last
day nothing is known, and asking is an error, for a guess would be a wrong bar. A calendar is read when it is
first asked for.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cift.kernel.clock import from_datetime

FOLDER = Path(__file__).resolve().parent
DEFAULT = "XNYS"
AHEAD_NS = 14 * 86_400 * 10**9
"""How far `state` looks for the next change."""
_SUFFIX = ".gen.json"


class NoSuchDay(ValueError):
    """The calendar does not reach that far."""


@dataclass(frozen=True, slots=True)
class Session:
    """One day's regular hours; ns since the Unix epoch, the close not included."""

    day: date
    opens_ns: int
    closes_ns: int
    break_ns: tuple[int, int] | None = None
    """From when to when it is closed for lunch."""


class Calendar:
    """One exchange's days."""

    def __init__(self, name: str, told: dict[str, Any]) -> None:
        self.name = name
        self.zone = ZoneInfo(told["zone"])
        self.first, self.last = date.fromisoformat(told["first"]), date.fromisoformat(told["last"])
        self._weekdays = frozenset(told["weekdays"])
        self._usual = list(told["usual"].values())
        self._usual_since = [date.fromisoformat(day) for day in told["usual"]]
        self._holidays = {date.fromisoformat(text) for text in told["holidays"]}
        self._odd = {date.fromisoformat(day): hours for day, hours in told["odd_hours"].items()}

    def session(self, day: date) -> Session | None:
        """The session of that day of the exchange's own zone, None where it is closed.

        Raises:
            NoSuchDay: outside of what the calendar knows.
        """
        if not self.first <= day <= self.last:
            raise NoSuchDay(f"{self.name} is known from {self.first} to {self.last}, not on {day}")
        if day.weekday() not in self._weekdays or day in self._holidays:
            return None
        hours = self._odd.get(day) or self._usual[bisect_right(self._usual_since, day) - 1]
        opens, *lunch, closes = (self._at(day, text) for span in hours for text in span.split("-"))
        return Session(day, opens, closes, (lunch[0], lunch[1]) if lunch else None)

    def _at(self, day: date, text: str) -> int:
        hour, minute = int(text[:2]), int(text[3:])
        moment = time(hour % 24, minute)
        return from_datetime(datetime.combine(day + timedelta(days=hour // 24), moment, self.zone))

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

    def state(self, now_ns: int) -> tuple[bool, int | None]:
        """Whether it is open, and when (ns) that changes next; None: not within AHEAD_NS.

        Raises NoSuchDay."""
        edges: list[int] = []  # it opens, closes, opens, …
        for opens, closes in _spans(self.sessions(now_ns, now_ns + AHEAD_NS)):
            if edges and edges[-1] == opens:  # one day goes over into the next
                edges.pop()
            else:
                edges.append(opens)
            edges.append(closes)
        at = bisect_right(edges, now_ns)
        change = edges[at] if at < len(edges) else None
        return at % 2 == 1, change if change is None or change < now_ns + AHEAD_NS else None


def _spans(sessions: list[Session]) -> Iterator[tuple[int, int]]:
    """From when to when it is open."""
    for session in sessions:
        opens = session.opens_ns
        if session.break_ns is not None:
            yield opens, session.break_ns[0]
            opens = session.break_ns[1]
        yield opens, session.closes_ns


def file_name(name: str) -> str:
    """The file of a calendar, in FOLDER."""
    return name.replace("/", "-") + _SUFFIX


def known() -> list[str]:
    """The names of all calendars."""
    stems = (path.name.removesuffix(_SUFFIX) for path in FOLDER.glob(f"*{_SUFFIX}"))
    return sorted(stem.replace("-", "/") for stem in stems)


@lru_cache(maxsize=8)
def calendar(name: str = DEFAULT) -> Calendar:
    """A calendar by its name of `known`: a market identifier (ISO 10383), or 24/7."""
    told = json.loads((FOLDER / file_name(name)).read_text())
    if "same_as" in told:
        told = json.loads((FOLDER / file_name(told["same_as"])).read_text())
    return Calendar(name, told)
