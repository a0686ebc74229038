"""Sessions of real exchanges: their days and hours.

`<calendar>.gen.json` holds the differences from the usual week (`cift/generate/calendars.py`). A day outside
its range is an error, because a guess would produce wrong bars. A calendar's file is read on first use.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cift.kernel.clock import from_datetime

FOLDER = Path(__file__).resolve().parent
DEFAULT = "XNYS"
ROUND_THE_CLOCK = "24/7"
EXTENDED = ("XNAS", "XNYS")
"""Exchanges with trading before and after the regular hours."""
EXTENDED_OPEN = "04:00"
EXTENDED_AFTER_NS = 4 * 3_600 * 10**9
AHEAD_NS = 14 * 86_400 * 10**9
"""How far `state` looks ahead for the next change."""
_SUFFIX = ".gen.json"


class NoSuchDay(ValueError):
    """The day is outside the calendar's range."""


@dataclass(frozen=True, slots=True)
class Session:
    """One day's regular hours in ns since the Unix epoch; the close is exclusive."""

    day: date
    opens_ns: int
    closes_ns: int
    break_ns: tuple[int, int] | None = None
    """Start and end of the lunch break."""


class Calendar:
    """One exchange's sessions."""

    def __init__(self, name: str, content: dict[str, Any]) -> None:
        """`content` is the parsed `<calendar>.gen.json`."""
        self.name = name
        self.zone = ZoneInfo(content["zone"])
        self.first, self.last = date.fromisoformat(content["first"]), date.fromisoformat(content["last"])
        self._weekdays = frozenset(content["weekdays"])
        self._usual = list(content["usual"].values())
        self._usual_since = [date.fromisoformat(day) for day in content["usual"]]
        self._holidays = {date.fromisoformat(text) for text in content["holidays"]}
        self._odd = {date.fromisoformat(day): hours for day, hours in content["odd_hours"].items()}

    def session(self, day: date) -> Session | None:
        """The session of a day in the exchange's own zone; None if it is closed.

        Raises:
            NoSuchDay: the day is outside the calendar's range.
        """
        if not self.first <= day <= self.last:
            raise NoSuchDay(f"the calendar {self.name} covers {self.first} to {self.last}, not {day}")
        if day.weekday() not in self._weekdays or day in self._holidays:
            return None
        hours = self._odd.get(day) or self._usual[bisect_right(self._usual_since, day) - 1]
        opens, *lunch, closes = (self._at(day, text) for span in hours for text in span.split("-"))
        return Session(day, opens, closes, (lunch[0], lunch[1]) if lunch else None)

    def _at(self, day: date, text: str) -> int:
        hour, minute = int(text[:2]), int(text[3:])
        moment = time(hour % 24, minute)
        return from_datetime(datetime.combine(day + timedelta(days=hour // 24), moment, self.zone))

    def sessions(self, since_ns: int, until_ns: int, *, is_extended: bool = False) -> list[Session]:
        """Sessions that overlap [since, until), oldest first; `is_extended`: with the hours before and after
        them (`extended`). Raises NoSuchDay."""
        day = datetime.fromtimestamp(since_ns // 10**9, UTC).astimezone(self.zone).date()
        last = datetime.fromtimestamp(max(until_ns - 1, since_ns) // 10**9, UTC).astimezone(self.zone).date()
        found = []
        while day <= last:
            session = self.session(day)
            if session is not None and is_extended:
                session = self.extended(session)
            if session is not None and session.closes_ns > since_ns and session.opens_ns < until_ns:
                found.append(session)
            day += timedelta(days=1)
        return found

    def extended(self, session: Session) -> Session:
        """The session with its trading hours before and after; the same where there are none.

        In New York: from 4:00, until four hours after the close."""
        if self.name not in EXTENDED:
            return session
        opens_ns = self._at(session.day, EXTENDED_OPEN)
        return replace(session, opens_ns=opens_ns, closes_ns=session.closes_ns + EXTENDED_AFTER_NS)

    def state(self, now_ns: int) -> tuple[bool, int | None]:
        """Whether the exchange is open, and the time of the next change in ns; None: not within AHEAD_NS.

        Raises NoSuchDay."""
        edges: list[int] = []  # open, close, open, …
        for opens, closes in open_spans(self.sessions(now_ns, now_ns + AHEAD_NS)):
            if edges and edges[-1] == opens:  # the session continues into the next day
                edges.pop()
            else:
                edges.append(opens)
            edges.append(closes)
        at = bisect_right(edges, now_ns)
        change = edges[at] if at < len(edges) else None
        return at % 2 == 1, change if change is None or change < now_ns + AHEAD_NS else None


def open_spans(sessions: Sequence[Session]) -> Iterator[tuple[int, int]]:
    """Start and end of each open span: a lunch break splits a session into two."""
    for session in sessions:
        opens = session.opens_ns
        if session.break_ns is not None:
            yield opens, session.break_ns[0]
            opens = session.break_ns[1]
        yield opens, session.closes_ns


def file_name(name: str) -> str:
    """The name of a calendar's file in FOLDER."""
    return name.replace("/", "-") + _SUFFIX


def known() -> list[str]:
    """The names of all calendars."""
    stems = (path.name.removesuffix(_SUFFIX) for path in FOLDER.glob(f"*{_SUFFIX}"))
    return sorted(stem.replace("-", "/") for stem in stems)


@lru_cache(maxsize=16)
def calendar(name: str = DEFAULT) -> Calendar:
    """The calendar `name`, one of `known()`: a market identifier (ISO 10383), or 24/7."""
    content = json.loads((FOLDER / file_name(name)).read_text())
    if "same_as" in content:
        content = json.loads((FOLDER / file_name(content["same_as"])).read_text())
    return Calendar(name, content)


def default_of(symbol: str) -> str:
    """The calendar of an instrument for which none is set: pairs such as BTC/USD trade around the clock."""
    return ROUND_THE_CLOCK if "/" in symbol else DEFAULT
