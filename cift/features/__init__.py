"""Features of market data as polars expressions, and targets and bars.

    import polars as pl
    from cift import features as f

    bars.with_columns(rsi=f.rsi("close", 14), atr=f.atr("high", "low", "close", 14))
    quotes.with_columns(ofi=f.ofi("bid", "bid_size", "ask", "ask_size", window=100).over("symbol"))

Each expression has one value a row, computed from this and earlier rows only (targets excepted), and NaN
until its window is full. `cift_core.Feature` has the same features with a state, for live data; a test holds
both to 1e-12. Needs the extra `research` (Numba, 210 MB): `make setup-research`.
"""

from cift.features.bars import (
    bars_by_imbalance,
    bars_by_notional,
    bars_by_time,
    bars_by_trades,
    bars_by_volume,
)
from cift.features.indicators import (
    adx,
    atr,
    bollinger,
    ema,
    lag,
    lags,
    macd,
    normalise,
    rsi,
    sma,
    standardise,
    stochastic,
)
from cift.features.microstructure import (
    amihud,
    book_pressure,
    book_slope,
    effective_spread,
    kyle_lambda,
    lee_ready,
    microprice,
    multi_level_ofi,
    ofi,
    order_flow,
    quoted_spread,
    realized_spread,
    tick_rule,
    vpin,
    vwap,
    weighted_ofi,
)
from cift.features.targets import forward_return, triple_barrier
from cift.features.volatility import (
    bipower_volatility,
    garman_klass,
    parkinson,
    realized_volatility,
    yang_zhang,
)

__all__ = [
    "adx",
    "amihud",
    "atr",
    "bars_by_imbalance",
    "bars_by_notional",
    "bars_by_time",
    "bars_by_trades",
    "bars_by_volume",
    "bipower_volatility",
    "bollinger",
    "book_pressure",
    "book_slope",
    "effective_spread",
    "ema",
    "forward_return",
    "garman_klass",
    "kyle_lambda",
    "lag",
    "lags",
    "lee_ready",
    "macd",
    "microprice",
    "multi_level_ofi",
    "normalise",
    "ofi",
    "order_flow",
    "parkinson",
    "quoted_spread",
    "realized_spread",
    "realized_volatility",
    "rsi",
    "sma",
    "standardise",
    "stochastic",
    "tick_rule",
    "triple_barrier",
    "vpin",
    "vwap",
    "weighted_ofi",
    "yang_zhang",
]
