"""Clocks and calendars of exchanges. Pure."""

from datetime import UTC, date, datetime, timedelta

from cift.contracts.hours import CalendarView, ExchangeClock, SessionState, TradingDay
from cift.kernel.clock import rfc3339
from cift.kernel.errors import Refused
from cift.platform.calendars import AHEAD_NS, Calendar, NoSuchDay, Session, calendar, known, open_spans

DAYS_MAX = 3_660
DAYS_DEFAULT = 14
DAY_NS = 86_400 * 10**9


def named(name: str) -> Calendar:
    """The calendar. Raises Refused: `unknown_calendar`."""
    if name not in known():
        raise Refused("unknown_calendar", f"calendar is one of {', '.join(known())}", "calendar")
    return calendar(name)


def view(name: str, start: date | None, end: date | None, now_ns: int) -> CalendarView:
    """The trading days from `start` to `end`, both included; by default two weeks from today.

    Raises:
        Refused: `unknown_calendar`, `invalid_range`, `range_too_large`, or `range_unknown`: beyond the
            calendar.
    """
    hours = named(name)
    first = start or _today(hours, now_ns)
    last = end or first + timedelta(days=DAYS_DEFAULT)
    if last < first:
        raise Refused("invalid_range", "end must not be before start", "end")
    if (last - first).days >= DAYS_MAX:
        raise Refused("range_too_large", f"A range has at most {DAYS_MAX} days; request parts of it", "end")
    try:
        sessions = [hours.session(first + timedelta(days=n)) for n in range((last - first).days + 1)]
    except NoSuchDay as error:
        raise Refused("range_unknown", str(error), "start") from None
    days = [_day(hours, session) for session in sessions if session is not None]
    return CalendarView.model_construct(calendar=name, zone=str(hours.zone), items=days)


def clock(name: str, now_ns: int) -> ExchangeClock:
    """The hours of an exchange now. Raises Refused: `unknown_calendar`; NoSuchDay."""
    hours = named(name)
    coming = list(open_spans(hours.sessions(now_ns, now_ns + AHEAD_NS)))
    last = last_session(hours, now_ns)
    opens = next((begin for begin, _ in coming if begin > now_ns), None)
    closes = next((end for _, end in coming if end > now_ns), None)
    state = state_of(hours, now_ns)
    return ExchangeClock.model_construct(
        calendar=name,
        zone=str(hours.zone),
        local_time=datetime.fromtimestamp(now_ns // 10**9, hours.zone).isoformat(),
        state=state,
        is_open=state == "regular",
        next_open_at=None if opens is None else rfc3339(opens),
        next_close_at=None if closes is None else rfc3339(closes),
        last_session=None if last is None else _day(hours, last),
    )


def state_of(hours: Calendar, now_ns: int) -> SessionState:
    """The part of the trading day. Raises NoSuchDay."""
    for session in hours.sessions(now_ns, now_ns + 1, is_extended=True):
        regular = hours.session(session.day)
        assert regular is not None, "a session of that day"
        if now_ns < regular.opens_ns:
            return "pre"
        if now_ns >= regular.closes_ns:
            return "post"
        lunch = regular.break_ns
        return "break" if lunch is not None and lunch[0] <= now_ns < lunch[1] else "regular"
    return "closed"


def last_session(hours: Calendar, now_ns: int) -> Session | None:
    """The session that is on, or the last one; None: none within two weeks. Raises NoSuchDay."""
    past = hours.sessions(now_ns - 14 * DAY_NS, now_ns + 1)
    return past[-1] if past else None


def _today(hours: Calendar, now_ns: int) -> date:
    return datetime.fromtimestamp(now_ns // 10**9, UTC).astimezone(hours.zone).date()


def _day(hours: Calendar, session: Session) -> TradingDay:
    wide, lunch = hours.extended(session), session.break_ns
    return TradingDay.model_construct(
        day=session.day.isoformat(),
        opens_at=rfc3339(session.opens_ns),
        closes_at=rfc3339(session.closes_ns),
        break_starts_at=None if lunch is None else rfc3339(lunch[0]),
        break_ends_at=None if lunch is None else rfc3339(lunch[1]),
        extended_opens_at=rfc3339(wide.opens_ns),
        extended_closes_at=rfc3339(wide.closes_ns),
    )
