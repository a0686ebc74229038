"""Runs a strategy on recorded ticks, on the engine that trades live."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from cift_core import Backtest, Fill

from cift.backtest.recorded import Ticks
from cift.backtest.strategy import Strategy

CHUNK_TICKS = 20_000
"""Ticks between two reports of progress."""
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Settings:
    """The assumptions of a run. The defaults are not free of costs: a taker pays 0.3 basis points, and an
    order arrives 5 ms after the tick that caused it."""

    cash: float = 100_000.0
    leverage_percent: int = 100
    """Gross exposure in percent of equity. 100: a cash account, without short sales."""
    maker_ppm: int = 0
    taker_ppm: int = 30
    latency_ms: float = 5.0
    jitter_ms: float = 0.0
    """Each request takes up to this much longer."""
    seed: int = 0
    sample_s: float = 10.0
    """Time between two points of the equity curve."""


FILLS = {
    "at": pl.Int64,
    "order": pl.UInt64,
    "symbol": pl.String,
    "side": pl.String,
    "price": pl.Float64,
    "quantity": pl.Float64,
    "fee": pl.Float64,
    "leaves": pl.Float64,
    "position": pl.Float64,
    "cash": pl.Float64,
    "is_maker": pl.Boolean,
}


@dataclass(frozen=True)
class Result:
    """What a run did. Times are ns since the midnight of the recorded day."""

    settings: Settings
    symbols: list[str]
    fills: pl.DataFrame
    equity: pl.DataFrame
    """at, equity, cash, gross."""
    refused: dict[str, int]
    """Orders that ended without a complete fill, by reason."""
    orders: int
    ticks: int


@dataclass
class _Callbacks:
    """Passes the callbacks of the core to a strategy, and keeps its positions and fills."""

    strategy: Strategy
    fills: list[Fill] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    on_quote: Any = None
    on_trade: Any = None
    on_bar: Any = None
    on_timer: Any = None

    def __post_init__(self) -> None:
        # Only what the class overrides: a callback that does nothing costs 0.2 µs a tick.
        for name in ("on_quote", "on_trade", "on_bar", "on_timer"):
            if getattr(type(self.strategy), name) is not getattr(Strategy, name):
                setattr(self, name, getattr(self.strategy, name))

    def on_fill(self, fill: Fill) -> None:
        self.fills.append(fill)
        self.strategy.positions[fill.symbol] = fill.position
        if fill.leaves == 0.0:
            self.strategy.open_orders.discard(fill.order)
        self.strategy.on_fill(fill)

    def on_ended(self, at: int, order: int, reason: str) -> None:
        self.ended[reason] = self.ended.get(reason, 0) + 1
        self.strategy.open_orders.discard(order)
        self.strategy.on_ended(order, reason)


class _Counted:
    """Counts and records the orders of a strategy."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests
        self.placed: list[tuple[Any, ...]] = []
        self.cancel = requests.cancel

    def place(self, *order: Any) -> int:
        number: int = self._requests.place(*order)
        self.placed.append(order)
        return number


def run(
    strategy: Strategy,
    ticks: Ticks,
    settings: Settings | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Result:
    """Run a strategy over ticks. The result depends on ticks, strategy and settings only.

    progress: called with the number of ticks done.

    Raises:
        ValueError: a setting, or an order of the strategy, is not valid.
    """
    result, _ = traced(strategy, ticks, settings or Settings(), progress)
    return result


def traced(
    strategy: Strategy, ticks: Ticks, settings: Settings, progress: Callable[[int], None] = lambda done: None
) -> tuple[Result, list[tuple[Any, ...]]]:
    """As `run`, with the orders that the strategy placed."""
    units = [(symbol, *unit) for symbol, unit in zip(ticks.symbols, ticks.units, strict=True)]
    core = Backtest(
        units,
        cash=settings.cash,
        leverage_percent=settings.leverage_percent,
        maker_ppm=settings.maker_ppm,
        taker_ppm=settings.taker_ppm,
        latency_ns=round(settings.latency_ms * 1e6),
        jitter_ns=round(settings.jitter_ms * 1e6),
        seed=settings.seed,
        sample_ns=round(settings.sample_s * SECOND_NS),
        bar_ns=round(strategy.bar_s * SECOND_NS),
        timer_ns=round(strategy.timer_s * SECOND_NS),
    )
    counted = _Counted(core.requests)
    strategy.symbols, strategy.requests = list(ticks.symbols), counted
    strategy.positions, strategy.open_orders = dict.fromkeys(ticks.symbols, 0.0), set()
    callbacks = _Callbacks(strategy)
    strategy.on_start()
    for first in range(0, len(ticks), CHUNK_TICKS):
        part = ticks.part(first, min(first + CHUNK_TICKS, len(ticks)))
        core.run(callbacks, part.times, part.kinds, part.numbers, *part.columns)
        progress(first + len(part))
    if len(ticks):
        core.sample(int(ticks.times[-1]))
    result = Result(
        settings=settings,
        symbols=list(ticks.symbols),
        fills=pl.DataFrame(
            [[getattr(fill, name) for name in FILLS] for fill in callbacks.fills], schema=FILLS, orient="row"
        ),
        equity=_equity(core),
        refused=callbacks.ended,
        orders=len(counted.placed),
        ticks=len(ticks),
    )
    return result, counted.placed


def _equity(core: Backtest) -> pl.DataFrame:
    times, values = core.equity
    names = ("equity", "cash", "gross")
    columns = {name: np.ascontiguousarray(values[:, at]) for at, name in enumerate(names)}
    return pl.DataFrame({"at": times, **columns})
