"""Times of queries."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from cift.kernel.clock import parse_rfc3339, to_datetime
from cift.kernel.errors import Refused

ListStart = Annotated[str | None, Field(description="RFC 3339; only items of this time or later.")]
ListEnd = Annotated[str | None, Field(description="RFC 3339; only items before this time.")]
Span = tuple[datetime | None, datetime | None]
"""[start, end); None: no bound."""


def time_ns_of(text: str | None, field: str) -> int | None:
    """A time of a query, in ns. Raises Refused: not RFC 3339."""
    if text is None:
        return None
    # An unescaped + of a zone arrives as a space.
    nanoseconds = parse_rfc3339(
        text.replace(" ", "+") if text.count(" ") == 1 and "T" in text.upper() else text
    )
    if nanoseconds is None:
        raise Refused("invalid_time", f"{field} must be an RFC 3339 time such as 2026-11-21T15:30:00Z", field)
    return nanoseconds


def day_of(text: str | None, field: str) -> date | None:
    """A day of a query. Raises Refused: not YYYY-MM-DD."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Refused("invalid_time", f"{field} must be a day such as 2026-11-21", field) from None


def span_of(start: str | None, end: str | None) -> Span:
    """The range of a list. Raises Refused: `invalid_time`, `invalid_range` (empty)."""
    since, until = time_ns_of(start, "start"), time_ns_of(end, "end")
    if since is not None and until is not None and since >= until:
        raise Refused("invalid_range", "start must be before end", "start")
    return (
        None if since is None else to_datetime(since),
        None if until is None else to_datetime(until),
    )
