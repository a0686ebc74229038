"""The speed of cift.features beside TA-Lib, on 1 million points, in the same run.

    python -m bench.features [--json]

A figure is the best of several rounds in which both alternate. Where the definitions are equal, the values
are compared first; EMA and MACD start differently, so their last half is compared.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import talib
from cift_core import Feature

from cift import features as f
from cift.features import kernels

POINTS = 1_000_000
ROUNDS = 15
SEED = 20_261_130


def data() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-4, POINTS)))
    opened = np.roll(close, 1)
    opened[0] = close[0]
    high = np.maximum(opened, close) * (1 + rng.random(POINTS) * 1e-4)
    low = np.minimum(opened, close) * (1 - rng.random(POINTS) * 1e-4)
    volume = rng.integers(1, 1_000, POINTS).astype(np.float64)
    return {"open": opened, "high": high, "low": low, "close": close, "volume": volume}


def rivals(bars: dict[str, Any]) -> list[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    high, low, close, volume = bars["high"], bars["low"], bars["close"], bars["volume"]
    hlc = (high, low, close)

    def talib_bands() -> Any:
        upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
        return lower, middle, upper

    def talib_adx() -> Any:
        return talib.PLUS_DI(*hlc, 14), talib.MINUS_DI(*hlc, 14), talib.ADX(*hlc, 14)

    return [
        ("SMA 20", lambda: kernels.rolling_mean(close, 20), lambda: talib.SMA(close, 20)),
        ("EMA 20", lambda: kernels.ema(close, 20.0), lambda: talib.EMA(close, 20)),
        ("RSI 14", lambda: kernels.rsi(close, 14), lambda: talib.RSI(close, 14)),
        ("Bollinger 20", lambda: kernels.bollinger(close, 20, 2.0), talib_bands),
        ("MACD 12 26 9", lambda: kernels.macd(close, 12.0, 26.0, 9.0), lambda: talib.MACD(close)),
        ("ATR 14", lambda: kernels.atr(*hlc, 14), lambda: talib.ATR(*hlc, 14)),
        ("+DI, -DI, ADX 14", lambda: kernels.adx(*hlc, 14), talib_adx),
        (
            "stochastic 14 3 3",
            lambda: kernels.stochastic(*hlc, 14, 3, 3),
            lambda: talib.STOCH(*hlc, 14, 3, 0, 3, 0),
        ),
        (
            "rolling VWAP 20",
            lambda: kernels.ratio_of_sums(close, volume, 20),
            lambda: talib.VWMA(close, volume, 20),
        ),
    ]


def best(call: Callable[[], Any]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def compare(name: str, ours: Any, theirs: Any) -> None:
    for one, other in zip(np.atleast_2d(ours), np.atleast_2d(theirs), strict=True):
        later = slice(POINTS // 2, None)
        assert np.allclose(one[later], other[later], rtol=1e-6, atol=1e-7), f"{name} differs from TA-Lib"


def beside_talib(bars: dict[str, Any]) -> list[dict[str, Any]]:
    figures = []
    for name, ours, theirs in rivals(bars):
        compare(name, ours(), theirs())
        rounds = [(best(ours), best(theirs)) for _ in range(ROUNDS)]
        mine, other = min(one for one, _ in rounds), min(other for _, other in rounds)
        figures.append({"name": name, "ms": mine, "talib_ms": other})
    return figures


def alone(bars: dict[str, Any]) -> list[dict[str, Any]]:
    """Features that TA-Lib does not have, as expressions; and one update of a live feature."""
    side = np.where(np.diff(bars["close"], prepend=bars["close"][0]) >= 0, 1.0, -1.0)
    frame = pl.DataFrame({**bars, "side": side, "ask": bars["close"] + 0.01, "signed": side * bars["volume"]})
    quote = ("close", "volume", "ask", "volume")
    expressions = {
        "OFI 100": f.ofi(*quote, 100),
        "microprice": f.microprice(*quote),
        "Kyle's lambda 100": f.kyle_lambda("close", "signed", 100),
        "VPIN 50": f.vpin("volume", "side", 10_000.0, 50),
        "Yang-Zhang 20": f.yang_zhang("open", "high", "low", "close", 20),
        "standardise 100": f.standardise("close", 100),
        "Lee-Ready": f.lee_ready("close", "close", "ask"),
    }
    figures = []
    for name, expression in expressions.items():
        frame.select(expression.alias("x"))
        took = min(best(lambda e=expression: frame.select(e.alias("x"))) for _ in range(5))
        figures.append({"name": name, "ms": took, "talib_ms": None})
    live = Feature("rsi", 14)
    live.run(bars["close"])
    took = min(best(lambda: Feature("rsi", 14).run(bars["close"])) for _ in range(5))
    figures.append(
        {"name": "live RSI 14, an update in Rust (ns)", "ms": took * 1e6 / POINTS, "talib_ms": None}
    )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.features", description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    bars = data()
    figures = beside_talib(bars) + alone(bars)
    if as_json:
        print(json.dumps(figures))
        return
    print(f"{'1 M points':38} {'ms':>8} {'TA-Lib':>8}  times faster")
    for each in figures:
        other = each["talib_ms"]
        ratio = f"{other:8.2f}  {other / each['ms']:.1f}" if other else ""
        print(f"{each['name']:38} {each['ms']:8.2f} {ratio}")


if __name__ == "__main__":
    main()
