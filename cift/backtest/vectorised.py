"""Backtests of target weights over bars, for many parameters. Needs the extra `research` (Numba).

A weight is a fraction of equity held in the symbol. A weight of bar i is traded at its close and earns from
bar i to i + 1, so a weight may use everything up to its own close. Trading costs `cost` of the traded
fraction of equity (fee, half spread and slippage together). There is no queue, no latency and no lot: the
event-driven backtest has them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

CHUNK = 1_024
compiled = njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy")


@dataclass(frozen=True)
class Outcome:
    """equity: float64 of one value a bar, 1.0 at the first. The rest are fractions."""

    equity: Any
    total_return: float
    max_drawdown: float
    turnover: float


def backtest(close: Any, weight: Any, cost: float = 1e-4) -> Outcome:
    """One run. close, weight: float64 of shape (bars,), or (bars, symbols) with a weight for each symbol.

    Raises:
        ValueError: shapes differ, a value is NaN, or a price is not positive.
    """
    close, weight = np.ascontiguousarray(close, np.float64), np.ascontiguousarray(weight, np.float64)
    if close.shape != weight.shape or close.ndim not in (1, 2) or len(close) == 0:
        raise ValueError(f"close and weight must have one shape, got {close.shape} and {weight.shape}")
    if not close.min() > 0.0:
        raise ValueError("prices must be positive and not NaN")
    equity = np.empty(len(close))
    if close.ndim == 1:
        drawdown, turnover = _single(close, weight, cost, equity)
    else:
        drawdown, turnover = _several(close, weight, cost, equity)
    if np.isnan(equity[-1]):
        raise ValueError("a weight is NaN: use 0.0 where there is no signal")
    return Outcome(equity, equity[-1] - 1.0, drawdown, turnover)


def sweep(close: Any, weights: Any, cost: float = 1e-4) -> list[Outcome]:
    """A run for each row of `weights`, of shape (runs, *close.shape)."""
    return [backtest(close, weight, cost) for weight in weights]


@compiled
def _compound(growth: Any, equity: Any, value: float) -> float:
    """equity = running product of growth, from `value` on. Four bars a turn."""
    fours = growth.size // 4
    factors, out = growth[: 4 * fours].reshape(fours, 4), equity[: 4 * fours].reshape(fours, 4)
    for i in range(fours):
        a = factors[i, 0]
        b = a * factors[i, 1]
        c = factors[i, 2]
        d = c * factors[i, 3]
        out[i, 0] = value * a
        out[i, 1] = value * b
        out[i, 2] = value * (b * c)
        value *= b * d
        out[i, 3] = value
    for i in range(4 * fours, growth.size):
        value *= growth[i]
        equity[i] = value
    return value


@njit(cache=True, fastmath=True)
def _moved(now: Any, last: Any) -> float:
    """Σ |now − last|, in any order of additions, so that it vectorises."""
    total = 0.0
    for i in range(now.size):
        total += abs(now[i] - last[i])
    return total


@compiled
def _drawdown(equity: Any, peak: float, worst: float) -> tuple[float, float]:
    """The peak and the worst ratio to it. A block that cannot change either takes no division."""
    for start in range(0, equity.size, 16):
        block = equity[start : start + 16]
        high = low = block[0]
        for i in range(block.size):
            high = block[i] if block[i] > high else high
            low = block[i] if block[i] < low else low
        if high <= peak:
            if low < worst * peak:
                worst = low / peak
            continue
        for i in range(block.size):
            peak = block[i] if block[i] > peak else peak
            ratio = block[i] / peak
            worst = ratio if ratio < worst else worst
    return peak, worst


@compiled
def _single(close: Any, weight: Any, cost: float, equity: Any) -> tuple[float, float]:
    equity[0] = value = peak = worst = 1.0
    turnover = before = 0.0
    growth = np.empty(CHUNK)
    for start in range(1, close.size, CHUNK):
        stop = min(start + CHUNK, close.size)
        now, last, held = close[start:stop], close[start - 1 : stop - 1], weight[start - 1 : stop - 1]
        traded = abs(held[0] - before)
        turnover += traded
        growth[0] = 1.0 + held[0] * (now[0] / last[0] - 1.0) - cost * traded
        later, earlier = held[1:], held[:-1]
        nexts, pasts, rest = now[1:], last[1:], growth[1 : held.size]
        for i in range(rest.size):
            rest[i] = 1.0 + later[i] * (nexts[i] / pasts[i] - 1.0) - cost * abs(later[i] - earlier[i])
        turnover += _moved(later, earlier)
        before = held[-1]
        part = equity[start:stop]
        value = _compound(growth[: part.size], part, value)
        peak, worst = _drawdown(part, peak, worst)
    return worst - 1.0, turnover


@compiled
def _several(close: Any, weight: Any, cost: float, equity: Any) -> tuple[float, float]:
    equity[0] = value = peak = worst = 1.0
    turnover = 0.0
    for i in range(1, close.shape[0]):
        growth = 1.0
        for symbol in range(close.shape[1]):
            held = weight[i - 1, symbol]
            traded = abs(held - (weight[i - 2, symbol] if i > 1 else 0.0))
            turnover += traded
            growth += held * (close[i, symbol] / close[i - 1, symbol] - 1.0) - cost * traded
        value *= growth
        equity[i] = value
        peak = value if value > peak else peak
        worst = value / peak if value / peak < worst else worst
    return worst - 1.0, turnover
