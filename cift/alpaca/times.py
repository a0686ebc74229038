"""Times as Alpaca's clients write them: RFC 3339, a date, or a date and time without a zone (UTC)."""

from datetime import UTC, date, datetime

from cift.alpaca.errors import invalid
from cift.kernel.clock import from_datetime, parse_rfc3339, to_datetime


def time_ns(text: str | None, field: str, *, end_of_day: bool = False) -> int | None:
    """The time `text` of a query in nanoseconds since 1970. A date means the first moment of the day in UTC,
    with `end_of_day` the last one.

    Raises:
        AlpacaError: the text is neither a time nor a date.
    """
    if text is None:
        return None
    if " " in text and "T" in text:
        text = text.replace(" ", "+")  # an unescaped + of a zone arrives as a space
    nanoseconds = parse_rfc3339(text)
    if nanoseconds is not None:
        return nanoseconds
    try:
        if len(text) == len("2026-11-30"):
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return from_datetime(day) + (86_400 * 10**9 - 1 if end_of_day else 0)
        found = datetime.fromisoformat(text)
        return from_datetime(found if found.tzinfo is not None else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise invalid(f"invalid {field}: {text[:64]!r} is not an RFC 3339 time or a date") from None


def moment(text: str | None, field: str, *, end_of_day: bool = False) -> datetime | None:
    """`time_ns` as a datetime in UTC, cut to microseconds."""
    nanoseconds = time_ns(text, field, end_of_day=end_of_day)
    return None if nanoseconds is None else to_datetime(nanoseconds)


def day(text: str | None, field: str) -> date | None:
    """The date `text` of a query. A time is accepted too and means its date in UTC."""
    at = moment(text, field)
    return None if at is None else at.date()
