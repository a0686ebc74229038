"""Profit and drawdown of an equity curve."""

from datetime import UTC, datetime, timedelta

import pytest

from cift.kernel.errors import Refused
from cift.portfolio.history import POINTS_MAX, Curve, Point, evenly, intervals, performance

START = datetime(2026, 11, 30, tzinfo=UTC)


def curve(before: int, *points: tuple[int, int]) -> Curve:
    """Points of (equity, transfers)."""
    return Curve(before, [Point(START, START, 0, equity, flow) for equity, flow in points])


def test_transfers_are_not_profit() -> None:
    found = performance(curve(100, (110, 0), (160, 50), (120, -50), (105, 0)))
    assert (found.base, found.profits, found.drawdowns) == (100, [10, 10, 20, 5], [0, 0, 0, -15])


def test_a_range_before_the_first_deposit_has_it_as_its_base() -> None:
    found = performance(curve(0, (0, 0), (90, 100), (150, 50)))
    assert (found.base, found.profits, found.drawdowns) == (100, [0, -10, 0], [0, -10, 0])
    assert performance(curve(0)).profits == []


def test_intervals_end_with_the_range_and_are_limited() -> None:
    starts = evenly(START, START + timedelta(minutes=5, seconds=1), timedelta(minutes=2))
    spans = intervals(starts, START + timedelta(minutes=5, seconds=1))
    assert [(end - start).total_seconds() for start, end in spans] == [120, 120, 61]
    with pytest.raises(Refused):
        evenly(START, START + timedelta(minutes=POINTS_MAX + 1), timedelta(minutes=1))
