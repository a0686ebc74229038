"""The equity of an account over time, computed from the read model: no snapshots are stored.

At the end of each interval: cash from `transactions`, positions from `position_history`, and the last price
before that moment from the tape. A position whose symbol has no price yet counts at its cost, as in the
engine. So an account has a curve from its first day, and `cift rebuild` rebuilds it with the tables. Known
limit: a change of a position within the minute of an interval's end counts in that interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cift.kernel.errors import Refused
from cift.platform.postgres import Connection
from cift.portfolio import history_store

POINTS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Point:
    """An account at the end of an interval; amounts are in nanos."""

    start: datetime
    end: datetime
    cash: int
    equity: int
    flow: int
    """Deposits minus withdrawals within the interval; a reset counts with its change of cash."""
    gross: int = 0
    """Value of the positions, with short ones counted as positive."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of a range, and the equity before it, in nanos."""

    before: int
    points: list[Point]


@dataclass(frozen=True, slots=True)
class Performance:
    """Profit of a range of points, in nanos. `base`: the equity that the range began with."""

    base: int
    profits: list[int]
    """Per point: the equity minus the base and minus what was paid in since."""
    drawdowns: list[int]
    """Per point: how far the profit is below its highest value so far; 0 or negative."""


def intervals(starts: list[datetime], until: datetime) -> list[tuple[datetime, datetime]]:
    """Each start with its end: the next start, or `until`. Raises Refused: too many."""
    if len(starts) > POINTS_MAX:
        raise Refused("range_too_large", f"A history has at most {POINTS_MAX} points, not {len(starts)}")
    return [(start, end) for start, end in zip(starts, [*starts[1:], until], strict=True) if end > start]


def evenly(first: datetime, until: datetime, step: timedelta) -> list[datetime]:
    """Starts of intervals of equal length. Raises Refused: too many."""
    count = -(-(until - first) // step)
    if count > POINTS_MAX:
        raise Refused("range_too_large", f"A history has at most {POINTS_MAX} points, not {count}")
    return [first + step * number for number in range(count)]


async def curve(c: Connection, account: str, spans: list[tuple[datetime, datetime]]) -> Curve:
    """The account at the end of each span. Spans are in order and do not overlap."""
    if not spans:
        return Curve(0, [])
    ends = [end for _, end in spans]
    movements = await history_store.cash_by_span(c, account, spans[0][0], ends)
    cash = await history_store.cash_before(c, account, spans[0][0])
    worth = await history_store.worth_at(c, account, [spans[0][0], *ends])
    before = cash + worth.get(0, (0, 0))[0]
    points = []
    for number, (start, end) in enumerate(spans):
        last, flow = movements.get(number, (None, 0))
        cash = cash if last is None else last
        net, gross = worth.get(number + 1, (0, 0))
        points.append(Point(start, end, cash, cash + net, flow, gross))
    return Curve(before, points)


def performance(curve: Curve) -> Performance:
    """Profit and drawdown of a curve. A range that begins before the first deposit has that as its base."""
    base, paid_in = curve.before, 0
    begun = base != 0
    profits, drawdowns, highest = [], [], 0
    for point in curve.points:
        if not begun and point.flow:
            base, begun = point.flow, True
        elif begun:
            paid_in += point.flow
        profit = point.equity - base - paid_in if begun else 0
        highest = max(highest, profit)
        profits.append(profit)
        drawdowns.append(profit - highest)
    return Performance(base, profits, drawdowns)
