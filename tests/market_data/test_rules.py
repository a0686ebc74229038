"""Symbols, times and intervals in requests. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from cift.contracts import times
from cift.kernel.clock import to_datetime
from cift.kernel.errors import NotFound, Refused
from cift.market_data import rules


def test_symbols() -> None:
    assert rules.symbols_of("spy, brk.b,SPY") == ["SPY", "BRK.B"]
    assert rules.symbols_of("spy,a b") == ["SPY", "A B"], "the response lists it as unknown"
    for text in ("", "A" * 17, "a b", "a'b", "ä"):
        with pytest.raises(NotFound):
            rules.symbol_of(text)
    for text in ("", ",,", ",".join(f"A{n}" for n in range(101))):
        with pytest.raises(Refused):
            rules.symbols_of(text)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-01-02T03:04:05Z", 3),
        ("2026-01-02t03:04:05.123456789z", 3),
        ("2026-01-02T03:04:05+02:00", 1),
        ("2026-01-02T03:04:05 02:00", 1),  # an unescaped plus
    ],
)
def test_times(text: str, hour: int) -> None:
    nanoseconds = times.time_ns_of(text, "start")
    assert nanoseconds is not None
    moment = to_datetime(nanoseconds)
    assert (moment.hour, moment.tzinfo) == (hour, UTC)


@pytest.mark.parametrize(
    "text", ["2026-01-02", "2026-13-02T00:00:00Z", "now", "", "2026-01-02T03:04:05", "1e9"]
)
def test_no_times(text: str) -> None:
    with pytest.raises(Refused) as refused:
        times.time_ns_of(text, "end")
    assert refused.value.field == "end"


@pytest.mark.parametrize("seconds", rules.INTERVALS.values())
def test_intervals_count_from_the_epoch(seconds: int) -> None:
    moment = datetime(2026, 11, 21, 13, 37, 42, 987_654, tzinfo=UTC)
    begin = rules.align(moment, seconds)
    assert begin <= moment < begin + timedelta(seconds=seconds)
    assert begin.timestamp() % seconds == 0
    assert rules.align(begin, seconds) == begin
    end = rules.window_end(moment, moment + timedelta(days=4000), seconds, 10)
    assert end == begin + timedelta(seconds=10 * seconds)
    assert rules.window_end(moment, moment + timedelta(seconds=0.5), seconds, 10) == moment + timedelta(
        seconds=0.5
    )


def test_empty_ranges_are_refused() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    rules.check_range(None, now)
    rules.check_range(now, None)
    rules.check_range(now, now + timedelta(seconds=1))
    with pytest.raises(Refused):
        rules.check_range(now, now)
