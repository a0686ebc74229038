"""The speed of backtests on one core: ticks a second on the engine, and a vectorised run of 1 million bars.

    python -m bench.backtest

The recorded day runs without callbacks, with an empty `on_quote`, and with a market
maker's orders. A figure is the best of several runs.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from cift_core import Quote

from cift.backtest import Settings, Strategy, read, run
from cift.backtest.vectorised import backtest
from cift.cli.backtest import strategy_of

ROUNDS = 5
BARS = 1_000_000
MARKET_MAKER = Path(__file__).resolve().parents[1] / "examples" / "strategies" / "market_maker.py"


class Silent(Strategy):
    """No callback: the engine alone."""


class Listening(Strategy):
    """An empty callback for each quote."""

    def on_quote(self, quote: Quote) -> None:
        pass


def best_s(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


@numba.njit
def plain_loop(close: Any, weight: Any, cost: float) -> float:
    """The baseline: the same definition as one loop, with the final equity alone."""
    equity, held = 1.0, 0.0
    for i in range(1, close.size):
        traded = abs(weight[i - 1] - held)
        held = weight[i - 1]
        equity *= 1.0 + held * (close[i] / close[i - 1] - 1.0) - cost * traded
    return equity


def main() -> None:
    ticks = read()
    settings = Settings(leverage_percent=200)
    kinds: list[tuple[str, Callable[[], Strategy]]] = [
        ("engine alone", Silent),
        ("an empty on_quote", Listening),
        ("a market maker", strategy_of(MARKET_MAKER)),
    ]
    print(f"{len(ticks):,} ticks of the recorded day (target: 1 M ticks/s)")
    for name, make in kinds:
        took = best_s(lambda make=make: run(make(), ticks, settings))
        print(f"{name:28} {len(ticks) / took / 1e6:8.2f} M ticks/s")
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-4, BARS)))
    weight = np.where(np.cumsum(rng.normal(0, 1, BARS)) > 0, 1.0, 0.0)
    assert np.isclose(backtest(close, weight, 1e-4).equity[-1], plain_loop(close, weight, 1e-4))
    ours = best_s(lambda: backtest(close, weight, 1e-4), 30)
    loop = best_s(lambda: plain_loop(close, weight, 1e-4), 30)
    print(f"\n1 M bars, vectorised (target: 1 ms): {ours * 1e3:.2f} ms with equity and drawdown")
    print(f"a Numba loop, final equity only:     {loop * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
