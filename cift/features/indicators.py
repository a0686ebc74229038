"""Indicators of bars. Each returns an expression with one value a row, NaN until its window is full.

Sources: RSI, ATR, ADX: Wilder, "New Concepts in Technical Trading Systems" (1978). MACD: Appel (1979).
Stochastic: Lane (1984). Bollinger, "Bollinger on Bollinger Bands" (2001). Two choices differ from TA-Lib:
an EMA starts with its first value (as polars and pandas do with `adjust=False`), not with a mean; and the
stochastic of a range of zero is 50, not 0. After some windows both agree.
"""

import numpy as np
import polars as pl

from cift.features import kernels
from cift.features.column import Column, Floats, column, kernel


def sma(x: Column, window: int) -> pl.Expr:
    """Simple moving average, in the units of x."""
    return kernel(kernels.rolling_mean, [x], window)


def ema(x: Column, span: float) -> pl.Expr:
    """Exponential moving average with α = 2 / (span + 1), in the units of x."""
    return kernel(kernels.ema, [x], float(span))


def rsi(x: Column, window: int = 14) -> pl.Expr:
    """Relative strength index, 0 to 100; 50 while no price changed."""
    return kernel(kernels.rsi, [x], window)


def bollinger(x: Column, window: int = 20, width: float = 2.0) -> pl.Expr:
    """Struct lower, middle, upper: the mean, `width` population deviations around it; units of x."""
    return kernel(kernels.bollinger, [x], window, float(width), fields=("lower", "middle", "upper"))


def macd(x: Column, fast: float = 12, slow: float = 26, signal: float = 9) -> pl.Expr:
    """Struct line, signal, histogram, in the units of x."""
    spans = float(fast), float(slow), float(signal)
    return kernel(kernels.macd, [x], *spans, fields=("line", "signal", "histogram"))


def atr(high: Column, low: Column, close: Column, window: int = 14) -> pl.Expr:
    """Average true range, in the units of the prices."""
    return kernel(kernels.atr, [high, low, close], window)


def adx(high: Column, low: Column, close: Column, window: int = 14) -> pl.Expr:
    """Struct plus, minus, adx: directional indicators and their index, each 0 to 100."""
    return kernel(kernels.adx, [high, low, close], window, fields=("plus", "minus", "adx"))


def stochastic(
    high: Column, low: Column, close: Column, window: int = 14, smooth: int = 3, signal: int = 3
) -> pl.Expr:
    """Struct k, d: the place of the close in the range of the window, 0 to 100, smoothed; and its mean."""
    return kernel(kernels.stochastic, [high, low, close], window, smooth, signal, fields=("k", "d"))


def normalise(x: Column, window: int) -> pl.Expr:
    """(x − min) / (max − min) of the window, 0 to 1. NaN while all its values are equal."""
    return kernel(kernels.normalise, [x], window)


def standardise(x: Column, window: int) -> pl.Expr:
    """(x − mean) / population deviation of the window. NaN while all its values are equal."""
    return kernel(_standardise, [x], window)


def _standardise(x: Floats, window: int) -> Floats:
    mean, variance = kernels.rolling_variance(x, window)
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = (x - mean) / np.sqrt(variance)
    return result


def lag(x: Column, rows: int) -> pl.Expr:
    """The value `rows` rows before. ValueError: rows is below 1, which would look ahead."""
    if rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    return column(x).cast(pl.Float64).shift(rows).fill_null(float("nan"))


def lags(x: str, rows: int) -> list[pl.Expr]:
    """The columns x_lag_1 to x_lag_`rows`."""
    return [lag(x, each).alias(f"{x}_lag_{each}") for each in range(1, rows + 1)]
