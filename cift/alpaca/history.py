"""Portfolio history in Alpaca's form: its periods and timeframes, and its arrays of numbers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from cift.alpaca import times
from cift.alpaca.bodies import History
from cift.alpaca.errors import invalid, unprocessable
from cift.kernel.clock import from_datetime, rfc3339
from cift.platform.calendars import calendar
from cift.portfolio.history import Performance, Point, evenly, intervals

_PERIOD = re.compile(r"(\d{1,3})(D|W|M|A|Y)", re.ASCII)
_DAYS = {"D": 1, "W": 7, "M": 30, "A": 365, "Y": 365}
_STEPS = {
    "1Min": timedelta(minutes=1),
    "5Min": timedelta(minutes=5),
    "15Min": timedelta(minutes=15),
    "1H": timedelta(hours=1),
    "1D": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Range:
    """The intervals of a request."""

    timeframe: str
    spans: list[tuple[datetime, datetime]]


def parse(
    period: str | None,
    timeframe: str | None,
    start: str | None,
    end: str | None,
    opened_at: datetime | None,
    now: datetime,
) -> Range:
    """The intervals that a request names, from the opening of the account at the earliest.

    Raises:
        AlpacaError: an unknown timeframe or period, or more than two of start, end and period.
    """
    if period is not None and start is not None and end is not None:
        raise unprocessable("only two of start, end and period can be specified")
    length = _length(period or "1M")
    until = min(times.moment(end, "end", end_of_day=True) or now, now)
    since = times.moment(start, "start")
    if since is None:
        since = until - length
    elif end is None and period is not None:
        until = min(since + length, now)
    if timeframe is None:
        days = (until - since).days
        timeframe = "1Min" if days < 7 else "15Min" if days < 30 else "1D"
    step = _STEPS.get(timeframe)
    if step is None:
        raise invalid(f"invalid timeframe {timeframe[:16]!r}; allowed: {', '.join(_STEPS)}")
    if opened_at is not None:
        since = max(since, opened_at)
    if since >= until:
        return Range(timeframe, [])
    starts = _days(since, until) if timeframe == "1D" else evenly(_floor(since, step), until, step)
    return Range(timeframe, intervals(starts, until))


def _length(period: str) -> timedelta:
    found = _PERIOD.fullmatch(period)
    if found is None or int(found[1]) < 1:
        raise invalid(f"invalid period {period[:16]!r}; a period is a number and D, W, M or A")
    return timedelta(days=int(found[1]) * _DAYS[found[2]])


def _floor(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % step


def _days(since: datetime, until: datetime) -> list[datetime]:
    """Midnights of New York from the day of `since` on."""
    zone = calendar().zone
    day = since.astimezone(zone).date()
    starts = []
    while (midnight := datetime.combine(day, time(), zone)) < until:
        starts.append(midnight.astimezone(UTC))
        day += timedelta(days=1)
    return starts


def body(points: list[Point], found: Performance, timeframe: str) -> History:
    """The arrays of the response: numbers, as Alpaca sends them here."""
    base = found.base / 10**9
    flows = [point.flow / 10**9 for point in points]
    history: History = {
        "timestamp": [int(point.start.timestamp()) for point in points],
        "equity": [point.equity / 10**9 for point in points],
        "profit_loss": [profit / 10**9 for profit in found.profits],
        "profit_loss_pct": [profit / 10**9 / base if base else 0.0 for profit in found.profits],
        "base_value": base,
        "timeframe": timeframe,
        "cashflow": {
            name: [flow if flow * sign > 0 else 0.0 for flow in flows]
            for name, sign in (("CSD", 1), ("CSW", -1))
            if any(flow * sign > 0 for flow in flows)
        },
    }
    if points:
        history["base_value_asof"] = rfc3339(from_datetime(points[0].start))[:10]
    return history
