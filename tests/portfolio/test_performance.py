"""Returns and ratios of an equity curve of days."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cift.kernel.errors import Refused
from cift.kernel.money import NANOS
from cift.portfolio.history import Curve, Point
from cift.portfolio.performance import Activity, ratios, turnover
from cift.portfolio.statement import period_of

START = datetime(2026, 11, 30, tzinfo=UTC)


def curve(before: int, *points: tuple[int, int]) -> Curve:
    """Points of (equity, transfers), in units, half invested."""
    return Curve(
        before * NANOS,
        [
            Point(START, START, 0, equity * NANOS, flow * NANOS, equity * NANOS // 2)
            for equity, flow in points
        ],
    )


def test_returns_are_time_weighted() -> None:
    found = ratios(curve(0, (0, 0), (110, 100), (220, 110), (50, -170)), 252, Decimal(0))
    assert found.returns == [None, Decimal("0.1"), Decimal(0), Decimal(0)]
    assert found.total == Decimal("0.1") and found.max_drawdown == 0


def test_ratios_are_those_of_their_definitions() -> None:
    """Returns 10 %, -10 %, 20 %: mean 1/15, sample variance 7/300, downside √(1/300)."""
    found = ratios(curve(100, (110, 0), (99, 0), (Decimal("118.8"), 0)), 252, Decimal(0))  # type: ignore[arg-type]
    year = Decimal(252).sqrt()
    assert found.volatility is not None and found.sharpe is not None and found.sortino is not None
    assert found.volatility == pytest.approx((Decimal(7) / 300).sqrt() * year)
    assert found.sharpe == pytest.approx((Decimal(1) / 15) / (Decimal(7) / 300).sqrt() * year)
    assert found.sortino == pytest.approx((Decimal(1) / 15) / (Decimal(1) / 300).sqrt() * year)
    assert found.max_drawdown == Decimal("-0.1")
    assert found.exposure == Decimal("0.5")
    free = ratios(curve(100, (110, 0), (99, 0)), 1, Decimal("0.5"))
    assert free.sharpe == pytest.approx(Decimal("-0.5") / (Decimal(2) / 100).sqrt())


def test_ratios_without_a_divisor_are_none() -> None:
    for found in (ratios(curve(0), 252, Decimal(0)), ratios(curve(100, (100, 0)), 252, Decimal(0))):
        assert (found.volatility, found.sharpe, found.sortino) == (None, None, None)
    steady = ratios(curve(100, (100, 0), (100, 0)), 252, Decimal(0))
    assert (steady.volatility, steady.sharpe) == (0, None)
    assert Activity().win_rate is None and Activity(gains=1).profit_factor is None


def test_turnover_is_in_proportion_to_the_mean_equity() -> None:
    assert turnover(curve(100, (100, 0), (300, 200)), 400 * NANOS) == 2
    assert turnover(curve(0), 1) is None


def test_periods_of_statements() -> None:
    month, day = period_of("2026-12"), period_of("2028-02-29")
    assert (month.start, month.end) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert (day.start, day.end) == (datetime(2028, 2, 29, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC))
    for wrong in ("2026", "2026-13", "2026-02-30", "2026-1", "0000-01", "x"):
        with pytest.raises(Refused):
            period_of(wrong)
