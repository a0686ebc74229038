"""Days and hours of exchanges, compared with those that the exchanges publish."""

import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from cift.kernel.errors import Refused
from cift.market_data import hours
from cift.platform.calendars import DEFAULT, NoSuchDay, Session, calendar, known
from tests.target import DEADLINE_S


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2013, 10, 7), "2013-10-07T13:30", "2013-10-07T20:00"),  # summer time
        (date(2024, 1, 2), "2024-01-02T14:30", "2024-01-02T21:00"),
        (date(2024, 3, 11), "2024-03-11T13:30", "2024-03-11T20:00"),  # the day after the clocks changed
        (date(2024, 11, 29), "2024-11-29T14:30", "2024-11-29T18:00"),  # after Thanksgiving
        (date(2025, 7, 3), "2025-07-03T13:30", "2025-07-03T17:00"),
    ],
)
def test_sessions(day: date, opens: str, closes: str) -> None:
    assert calendar().session(day) == Session(day, ns(opens), ns(closes))


@pytest.mark.parametrize(
    "day",
    [
        date(2024, 1, 1),
        date(2024, 3, 29),  # Good Friday
        date(2024, 6, 19),
        date(2024, 11, 28),
        date(2001, 9, 11),
        date(2012, 10, 29),  # a hurricane
        date(2025, 1, 9),  # a president's funeral
        date(2024, 3, 10),  # a Sunday
    ],
)
def test_days_without_a_session(day: date) -> None:
    assert calendar().session(day) is None


def test_sessions_of_a_range_and_the_state_between_them() -> None:
    days = calendar()
    week = days.sessions(ns("2024-11-25T00:00"), ns("2024-12-01T00:00"))
    assert [session.day.day for session in week] == [25, 26, 27, 29]
    assert days.state(ns("2024-11-27T14:30")) == (True, ns("2024-11-27T21:00"))
    assert days.state(ns("2024-11-27T21:00")) == (False, ns("2024-11-29T14:30"))
    assert days.sessions(ns("2024-11-27T14:29"), ns("2024-11-27T14:30")) == []
    with pytest.raises(NoSuchDay, match="1998-01-01 to 2035-12-31"):
        days.session(date(2036, 1, 2))


def test_the_default_is_new_york_and_every_calendar_can_be_read() -> None:
    assert calendar().name == DEFAULT == "XNYS"
    exchanges = ["XAMS", "XASX", "XETR", "XLON", "XNAS", "XNYS", "XPAR", "XSWX", "XTKS", "XTSE"]
    assert known() == ["24/7", *exchanges]
    for name in known():
        assert calendar(name).name == name
        assert calendar(name).state(ns("2026-07-01T12:00"))


def test_nasdaq_has_the_days_of_new_york() -> None:
    for text in ("2024-11-29", "2024-12-25", "2025-07-03"):
        day = date.fromisoformat(text)
        assert calendar("XNAS").session(day) == calendar("XNYS").session(day)


def test_london() -> None:
    days = calendar("XLON")
    assert days.session(date(2024, 7, 4)) == Session(
        date(2024, 7, 4), ns("2024-07-04T07:00"), ns("2024-07-04T15:30")
    )
    assert days.session(date(2024, 12, 24)) == Session(
        date(2024, 12, 24), ns("2024-12-24T08:00"), ns("2024-12-24T12:30")
    )
    for closed in (date(2023, 5, 8), date(2024, 8, 26), date(2025, 4, 21)):  # a coronation among them
        assert days.session(closed) is None


def test_tokyo_has_a_lunch_break_and_closes_later_since_november_2024() -> None:
    days = calendar("XTKS")
    lunch = (ns("2024-11-01T02:30"), ns("2024-11-01T03:30"))
    assert days.session(date(2024, 11, 1)) == Session(
        date(2024, 11, 1), ns("2024-11-01T00:00"), ns("2024-11-01T06:00"), lunch
    )
    later = days.session(date(2024, 11, 5))
    assert later is not None and later.closes_ns == ns("2024-11-05T06:30")
    assert days.state(ns("2024-11-05T02:29")) == (True, ns("2024-11-05T02:30"))
    assert days.state(ns("2024-11-05T02:30")) == (False, ns("2024-11-05T03:30"))
    assert days.state(ns("2024-11-05T03:30")) == (True, ns("2024-11-05T06:30"))
    # Ten days without a session, when an emperor abdicated.
    assert days.state(ns("2019-04-26T06:00")) == (False, ns("2019-05-07T00:00"))


@pytest.mark.parametrize("now", ["2024-03-10T12:00", "2024-12-25T00:00", "2026-01-01T23:59"])
def test_the_calendar_24_7_is_always_open(now: str) -> None:
    assert calendar("24/7").state(ns(now)) == (True, None)
    day = date.fromisoformat(now[:10])
    session = calendar("24/7").session(day)
    assert session is not None and session.closes_ns - session.opens_ns == 86_400 * 10**9


def test_a_function_that_uses_a_calendar_imports_no_calendar_library() -> None:
    program = (
        "import sys, functions.market_data.list_symbols; from cift.platform.calendars import calendar, known;"
        " [calendar(name).state(10**18) for name in known()];"
        " sys.exit(not {'exchange_calendars', 'pandas', 'numpy'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=DEADLINE_S).returncode == 0


@pytest.mark.parametrize(
    ("name", "at", "state", "last"),
    [
        ("XNYS", "2024-11-29T08:59", "closed", "2024-11-27"),  # 03:59; the 28th was a holiday
        ("XNYS", "2024-11-29T09:00", "pre", "2024-11-27"),
        ("XNYS", "2024-11-29T14:30", "regular", "2024-11-29"),
        ("XNYS", "2024-11-29T18:00", "post", "2024-11-29"),  # a half day
        ("XNYS", "2024-11-29T22:00", "closed", "2024-11-29"),
        ("XTKS", "2024-03-08T03:00", "break", "2024-03-08"),
        ("24/7", "2024-12-25T03:00", "regular", "2024-12-25"),
    ],
)
def test_the_clock_names_the_part_of_the_day(name: str, at: str, state: str, last: str) -> None:
    found = hours.clock(name, ns(at))
    assert (found.state, found.is_open, found.last_session and found.last_session.day) == (
        state,
        state == "regular",
        last,
    )


def test_the_calendar_has_half_days_and_breaks() -> None:
    found = hours.view("XNYS", date(2024, 11, 27), date(2024, 11, 30), 0)
    assert [(day.day, day.closes_at[11:16], day.extended_closes_at[11:16]) for day in found.items] == [
        ("2024-11-27", "21:00", "01:00"),
        ("2024-11-29", "18:00", "22:00"),
    ]
    (tokyo,) = hours.view("XTKS", date(2024, 3, 8), date(2024, 3, 8), 0).items
    assert (tokyo.break_starts_at, tokyo.break_ends_at) == (
        "2024-03-08T02:30:00.000000Z",
        "2024-03-08T03:30:00.000000Z",
    )
    for bad in ({"name": "XXXX"}, {"start": date(1990, 1, 1)}, {"end": date(2000, 1, 1)}):
        given = {"name": "XNYS", "start": date(2024, 1, 1), "end": None} | bad
        with pytest.raises(Refused):
            hours.view(**given, now_ns=0)  # type: ignore[arg-type]
