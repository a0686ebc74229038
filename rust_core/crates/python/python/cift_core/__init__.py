"""The Rust core of CIFT Markets for Python.

`FastOrderBook` is the matching of the exchange's engine, one instrument a book; `FastMarketData` market
analytics over NumPy arrays and running figures; `FastRiskEngine` order limits, value at risk and stress;
`wire` the codec between the engine's messages and dicts; `cift_core.ticks` batches of ticks
as arrays. `help()` of each says formulas, units, shapes and errors.

Arrays are taken as they lie in memory: C-contiguous, float64 (numbers), int64 (ids, times in ns) or int8
(sides, 1 buy and -1 sell); anything else is a TypeError, nothing is converted unseen. Floats are for
analysis: what the exchange itself does with prices and money is done in integers, elsewhere.

The classes need NumPy, `wire` does not: a process that only talks to the engine never loads it, which matters
where functions scale from zero.
"""

from typing import TYPE_CHECKING, Any

from cift_core import wire

if TYPE_CHECKING:
    from cift_core._cift_core import FastMarketData, FastOrderBook, FastRiskEngine

__all__ = ["FastMarketData", "FastOrderBook", "FastRiskEngine", "wire"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Here and not in Rust: a missing NumPy is an ImportError now, and no failed call later.
    import numpy  # noqa: F401

    from cift_core import _cift_core

    found = getattr(_cift_core, name)
    globals()[name] = found
    return found
