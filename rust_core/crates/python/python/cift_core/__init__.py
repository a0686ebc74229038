"""The Rust core of CIFT Markets for Python.

`FastOrderBook` is the matching of the exchange's engine, one instrument a book; `FastMarketData` market
analytics over NumPy arrays and running figures; `FastRiskEngine` order limits, value at risk and stress;
`wire` the codec between the engine's messages and dicts. `help()` of each says formulas, units, shapes
and errors.

Arrays are taken as they lie in memory: C-contiguous, float64 (numbers), int64 (ids, times in ns) or int8
(sides, 1 buy and -1 sell); anything else is a TypeError, nothing is converted unseen. Floats are for
analysis: what the exchange itself does with prices and money is done in integers, elsewhere.
"""

from cift_core import wire
from cift_core._cift_core import FastMarketData, FastOrderBook, FastRiskEngine

__all__ = ["FastMarketData", "FastOrderBook", "FastRiskEngine", "wire"]
