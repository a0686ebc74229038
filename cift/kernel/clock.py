"""Times: whole nanoseconds since the Unix epoch internally, RFC 3339 in UTC in requests and responses."""

import re
import time
from datetime import UTC, datetime
from functools import lru_cache

_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
# The largest time that fits both PostgreSQL's timestamptz and an i64 of nanoseconds.
MAX_TIME_NS = 9_223_372_036 * 10**9


def now_ns() -> int:
    """The wall clock, in nanoseconds since the Unix epoch."""
    return time.time_ns()


def from_datetime(moment: datetime) -> int:
    """Nanoseconds of an aware datetime, exact to its microsecond."""
    assert moment.tzinfo is not None, f"{moment} has no time zone"
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000


def to_datetime(nanoseconds: int) -> datetime:
    """An aware UTC datetime, truncated to the microsecond."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def rfc3339(nanoseconds: int) -> str:
    """`2026-11-21T06:41:26.123456Z`: UTC, always six decimals."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{_to_the_second(seconds)}.{rest // 1000:06d}Z"


def rfc3339_ns(nanoseconds: int) -> str:
    """The same as `rfc3339`, with all nine decimals."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{_to_the_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=1024)  # most formatted times fall into the same few seconds
def _to_the_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse_rfc3339(text: str) -> int | None:
    """Nanoseconds of an RFC 3339 time (zone required, up to nine decimals); None if `text` is not one."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        nanoseconds = from_datetime(moment.astimezone(UTC)) + int((fraction or "0").ljust(9, "0"))
    except (ValueError, OverflowError):
        return None
    return nanoseconds if 0 <= nanoseconds <= MAX_TIME_NS else None
