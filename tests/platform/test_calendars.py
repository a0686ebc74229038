"""Days and hours of the New York Stock Exchange as its own pages have them."""

from datetime import UTC, date, datetime

import pytest

from cift.platform.calendars import NoSuchDay, Session, calendar


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
def test_days_without_one(day: date) -> None:
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
