"""Figures of an equity curve and of fills."""

import math
from dataclasses import dataclass

import polars as pl

from cift.backtest.engine import Result


@dataclass(frozen=True)
class Statistics:
    """Money in currency units; `total_return` and `max_drawdown` as fractions of equity.

    `t_value` is mean / standard error of the equity's changes: below 2, chance explains the profit as well.
    It is not annualised, because a day is too short for a Sharpe ratio.
    """

    profit: float
    total_return: float
    max_drawdown: float
    t_value: float
    fees: float
    turnover: float
    fills: int
    maker_share: float


def drawdowns(equity: pl.Series) -> pl.Series:
    """How far each value is below the highest so far, as a fraction of it: 0 or less."""
    return equity / equity.cum_max() - 1


def of(result: Result) -> Statistics:
    """The figures of a run. NaN where there are too few points."""
    curve, fills = result.equity["equity"], result.fills
    last = float(curve[-1]) if curve.len() else result.settings.cash
    start = result.settings.cash
    changes = curve.diff().drop_nulls()
    deviation = changes.std()
    mean = changes.mean()
    t_value = math.nan
    if isinstance(deviation, float) and isinstance(mean, float) and deviation > 0:
        t_value = mean / (deviation / math.sqrt(changes.len()))
    drawdown = float(drawdowns(curve).min() or 0.0) if curve.len() else 0.0  # type: ignore[arg-type]
    notional = fills.select(pl.col("price") * pl.col("quantity")).to_series().sum()
    return Statistics(
        profit=last - start,
        total_return=last / start - 1,
        max_drawdown=drawdown,
        t_value=t_value,
        fees=float(fills["fee"].sum()),
        turnover=float(notional),
        fills=fills.height,
        maker_share=float(fills["is_maker"].mean() or 0.0),  # type: ignore[arg-type]
    )


def verdict(statistics: Statistics) -> str:
    """One honest sentence."""
    profit = f"{abs(statistics.profit):,.2f}"
    if statistics.fills == 0:
        return "This did not trade."
    if statistics.profit <= 0:
        return f"This made no money after costs: it lost {profit} with {statistics.fees:,.2f} of fees."
    if not statistics.t_value >= 2:
        return f"This made {profit} after costs, but chance explains it (t = {statistics.t_value:.1f})."
    return f"This made {profit} after costs (t = {statistics.t_value:.1f}). One day proves nothing."
