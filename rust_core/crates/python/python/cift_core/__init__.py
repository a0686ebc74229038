"""The Rust core of CIFT Markets for Python.

- `FastOrderBook`: the matching of the exchange's engine, one instrument per book.
- `FastMarketData`: market analytics over NumPy arrays, and current figures of one instrument.
- `FastRiskEngine`: order limits, value at risk and stress.
- `Feature`: one feature of market data with its state, updated with each tick.
- `Backtest`: a strategy on recorded ticks, filled by the exchange's engine; cift.backtest is its interface.
- `wire`: the codec between the engine's messages and dicts.
- `cift_core.risk`: models of value at risk.
- `cift_core.ticks`: batches of ticks as arrays.

`help()` of each describes formulas, units, shapes and errors.

Arrays are read in place. They must be C-contiguous and float64 (numbers), int64 (ids, times in ns) or int8
(sides, 1 buy and -1 sell). Any other array is a TypeError; nothing is converted implicitly. Floats are for
analysis only: the exchange itself computes prices and money in integers.

The classes need NumPy, `wire` does not. A process that only talks to the engine never loads NumPy,
which keeps the start of functions from zero short.
"""

from typing import TYPE_CHECKING, Any

from cift_core import wire

if TYPE_CHECKING:
    from cift_core._cift_core import (
        Backtest,
        Bar,
        FastMarketData,
        FastOrderBook,
        FastRiskEngine,
        Feature,
        Fill,
        Quote,
        Requests,
        Trade,
    )

__all__ = [
    "Backtest",
    "Bar",
    "FastMarketData",
    "FastOrderBook",
    "FastRiskEngine",
    "Feature",
    "Fill",
    "Quote",
    "Requests",
    "Trade",
    "wire",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Imported here, so that a missing NumPy is an ImportError now and not an error of a later call.
    import numpy  # noqa: F401

    from cift_core import _cift_core

    found = getattr(_cift_core, name)
    globals()[name] = found
    return found
