"""How well an account did: returns, risk and the outcomes of its trades. Pure.

The return of a day is (equity at its end + withdrawals) / (equity before it + deposits) - 1: money paid in is
there from the start of the day, money paid out until its end. A range's return chains those of its days
(time-weighted), so that transfers do not change it. With the daily returns r, the risk-free return per day f
and N days a year:

    volatility   stdev(r) × √N
    Sharpe       (mean(r) - f) / stdev(r) × √N                           W. F. Sharpe, 1994; sample deviation
    Sortino      (mean(r) - f) / √mean(min(r - f, 0)²) × √N              F. A. Sortino and L. N. Price, 1994
    drawdown     how far the chained return is below its highest value so far, in percent of that value
    exposure     mean of gross position value / equity at the ends of days
    turnover     value of all fills / mean equity
    profit factor   profits of winning trades / losses of losing ones

Days before the first deposit count for nothing. Ratios without a divisor are None. Amounts are in nanos.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from cift.kernel.money import NANOS
from cift.portfolio.closed_trades import ClosedTrade, Fill
from cift.portfolio.history import Curve

RATIOS_MIN_DAYS = 2
"""Days from which on a deviation exists."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """Of a range of days; fractions, not percent."""

    returns: list[Decimal | None]
    """Per day; None before the first deposit, and where there was no equity."""
    total: Decimal
    volatility: Decimal | None
    sharpe: Decimal | None
    sortino: Decimal | None
    max_drawdown: Decimal
    exposure: Decimal | None


@dataclass(slots=True)
class Activity:
    """Fills and closed trades of a symbol, a day or a range."""

    fills: int = 0
    volume: int = 0
    """Sum of price × quantity."""
    fees: int = 0
    realized: int = 0
    closed: int = 0
    won: int = 0
    lost: int = 0
    gains: int = 0
    losses: int = 0
    """Sum of the losing trades, positive."""
    seconds_held: Decimal = field(default_factory=Decimal)

    def add_fill(self, fill: Fill) -> None:
        self.fills += 1
        self.volume += fill.price * fill.quantity // NANOS
        self.fees += fill.fee
        self.realized += fill.realized

    def add_closed(self, trade: ClosedTrade) -> None:
        self.closed += 1
        net = trade.profit - trade.fees
        self.won += net > 0
        self.lost += net < 0
        self.gains += max(net, 0)
        self.losses += max(-net, 0)
        self.seconds_held += Decimal((trade.exit_at - trade.entry_at).total_seconds())

    @property
    def win_rate(self) -> Decimal | None:
        return _over(Decimal(self.won), Decimal(self.closed))

    @property
    def profit_factor(self) -> Decimal | None:
        return _over(Decimal(self.gains), Decimal(self.losses))

    @property
    def mean_seconds_held(self) -> Decimal | None:
        return _over(self.seconds_held, Decimal(self.closed))


def _over(part: Decimal, whole: Decimal) -> Decimal | None:
    return part / whole if whole else None


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def daily_returns(curve: Curve) -> list[Decimal | None]:
    """The return of each point of a curve of days."""
    found: list[Decimal | None] = []
    before = curve.before
    for point in curve.points:
        invested = before + max(point.flow, 0)
        found.append(
            Decimal(point.equity + max(-point.flow, 0)) / Decimal(invested) - 1 if invested > 0 else None
        )
        before = point.equity
    return found


def ratios(curve: Curve, days_per_year: int, risk_free: Decimal) -> Ratios:
    """The ratios of a curve of days. `risk_free`: a return per year, as a fraction."""
    returns = daily_returns(curve)
    known = [each for each in returns if each is not None]
    index = highest = Decimal(1)
    drawdown = Decimal(0)
    for each in known:
        index *= 1 + each
        highest = max(highest, index)
        drawdown = min(drawdown, index / highest - 1)
    year = Decimal(days_per_year).sqrt()
    volatility = sharpe = sortino = None
    if len(known) >= RATIOS_MIN_DAYS:
        free = risk_free / days_per_year
        mean = _sum(known) / len(known)
        deviation = (_sum((each - mean) ** 2 for each in known) / (len(known) - 1)).sqrt()
        below = (_sum(min(each - free, Decimal(0)) ** 2 for each in known) / len(known)).sqrt()
        volatility = deviation * year
        sharpe, sortino = _over((mean - free) * year, deviation), _over((mean - free) * year, below)
    exposures = [Decimal(point.gross) / point.equity for point in curve.points if point.equity > 0]
    return Ratios(
        returns=returns,
        total=index - 1,
        volatility=volatility,
        sharpe=sharpe,
        sortino=sortino,
        max_drawdown=drawdown,
        exposure=_over(_sum(exposures), Decimal(len(exposures))),
    )


def turnover(curve: Curve, volume: int) -> Decimal | None:
    """The value of all fills in proportion to the mean equity at the ends of days."""
    equities = [point.equity for point in curve.points if point.equity > 0]
    return _over(Decimal(volume * len(equities)), Decimal(sum(equities)))


def activity(fills: Iterable[Fill], trades: Sequence[ClosedTrade]) -> Activity:
    """The sums of fills and closed trades."""
    found = Activity()
    for fill in fills:
        found.add_fill(fill)
    for trade in trades:
        found.add_closed(trade)
    return found
