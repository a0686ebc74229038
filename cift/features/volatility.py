"""Volatility over a window of bars, as a fraction (0.01 = 1 %). NaN until the window is full.

Sources: Parkinson, Journal of Business 53 (1980); Garman and Klass, Journal of Business 53 (1980); Yang and
Zhang, Journal of Business 73 (2000); realized variance, Andersen et al., Econometrica 71 (2003); bipower
variation, Barndorff-Nielsen and Shephard, Journal of Financial Econometrics 2 (2004).
"""

import math

import numpy as np
import polars as pl

from cift.features import kernels
from cift.features.column import Column, Floats, column, kernel

LN2 = math.log(2.0)


def _root(x: Floats) -> Floats:
    result: Floats = np.sqrt(np.maximum(x, 0.0))
    return result


def _mean(x: Floats, window: int) -> Floats:
    mean: Floats = kernels.rolling_variance(x, window)[0]
    return mean


def _returns(close: Column) -> pl.Expr:
    return column(close).cast(pl.Float64).log().diff()


def realized_volatility(close: Column, window: int) -> pl.Expr:
    """√Σ r² of the last `window` logarithmic returns: the volatility of the whole window."""
    squares = _returns(close) ** 2
    return kernel(lambda x: _root(_mean(x, window) * window), [squares])


def bipower_volatility(close: Column, window: int) -> pl.Expr:
    """√(π/2 · Σ |r_i|·|r_{i−1}|) over `window` products. Jumps have little weight in it."""
    moves = _returns(close).abs()
    products = moves * moves.shift(1)
    return kernel(lambda x: _root(_mean(x, window) * (window * math.pi / 2)), [products])


def parkinson(high: Column, low: Column, window: int) -> pl.Expr:
    """√(mean of ln(high/low)² / (4 ln 2)), a bar."""
    squares = (column(high) / column(low)).log() ** 2
    return kernel(lambda x: _root(_mean(x, window) / (4 * LN2)), [squares])


def garman_klass(open_: Column, high: Column, low: Column, close: Column, window: int) -> pl.Expr:
    """√ of the mean of ½·ln(high/low)² − (2 ln 2 − 1)·ln(close/open)², a bar."""
    spans, changes = (column(high) / column(low)).log() ** 2, (column(close) / column(open_)).log() ** 2
    terms = 0.5 * spans - (2 * LN2 - 1) * changes
    return kernel(lambda x: _root(_mean(x, window)), [terms])


def yang_zhang(open_: Column, high: Column, low: Column, close: Column, window: int) -> pl.Expr:
    """√(σ²_overnight + k·σ²_day + (1 − k)·σ²_RS), k = 0.34 / (1.34 + (n + 1)/(n − 1)), a bar."""
    o, h, low_, c = (column(x) for x in (open_, high, low, close))
    gap, day = (o / c.shift(1)).log(), (c / o).log()
    inside = (h / c).log() * (h / o).log() + (low_ / c).log() * (low_ / o).log()

    def combine(gap: Floats, day: Floats, inside: Floats) -> Floats:
        unbiased = window / (window - 1) if window > 1 else math.nan
        k = 0.34 / (1.34 + (window + 1) / (window - 1)) if window > 1 else math.nan
        overnight = kernels.rolling_variance(gap, window)[1] * unbiased
        daily = kernels.rolling_variance(day, window)[1] * unbiased
        return _root(overnight + k * daily + (1 - k) * _mean(inside, window))

    return kernel(combine, [gap, day, inside])
