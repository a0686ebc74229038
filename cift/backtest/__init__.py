"""Backtests on the engine that trades live.

    from cift.backtest import Settings, Strategy, read, run

    class Once(Strategy):
        def on_start(self) -> None:
            self.buy("SPY", 10)

    result = run(Once(), read(symbols=["SPY"]), Settings(latency_ms=5))
    result.fills, result.equity          # polars frames

`cift backtest run strategy.py --symbols SPY` does the same and writes a tearsheet. docs/research.md describes
the assumptions and their limits.
"""

from cift.backtest.check import Finding, check_signals, check_strategy
from cift.backtest.engine import Result, Settings, run
from cift.backtest.recorded import Ticks, read
from cift.backtest.strategy import Strategy

__all__ = [
    "Finding",
    "Result",
    "Settings",
    "Strategy",
    "Ticks",
    "check_signals",
    "check_strategy",
    "read",
    "run",
]
