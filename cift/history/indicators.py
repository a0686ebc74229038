"""Indicators of minute bars, and order flow by minute, stored for analysis.

Only complete minutes are computed. Each run computes the last minutes again, to include late ticks. The
tables keep the later of two computations, so that running twice, or two runs at the same time, changes
nothing.

Formulas are those of `cift_core.FastMarketData`: SMA and EMA of 20 and 50 closes, Bollinger's bands (20, 2),
Wilder's RSI (14), MACD (EMA 12 less EMA 26) and its signal (EMA 9 of it).
"""

from collections import defaultdict
from typing import Any

from cift.history.analytics import FLOW_BY_MINUTE
from cift.platform.clickhouse import ClickHouse
from cift.platform.native import block, strings

WARM_UP_MINUTES = 400
"""Minutes that an EMA is computed from: earlier ones weigh less than 1e-6."""
RECOMPUTED_MINUTES = 5
_CLOSES = """
SELECT symbol, source, toUInt32(toUnixTimestamp(start)) AS begins, toFloat64(argMax(close, last))
FROM bars_analytics FINAL WHERE interval_s = 60
    AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC')
    AND (symbol, source) IN (
        SELECT DISTINCT symbol, source FROM bars_analytics WHERE interval_s = 60
            AND start >= toDateTime({since_computed:UInt32}, 'UTC') AND start < toDateTime({until:UInt32},
            'UTC'))
GROUP BY symbol, source, begins ORDER BY symbol, source, begins
"""
Series = dict[tuple[str, str], tuple[list[int], list[float]]]


def computed(closes: Any) -> dict[str, Any]:
    """All indicators of these closes, by name; NaN where there are too few closes. Pure."""
    import numpy as np
    from cift_core import FastMarketData as of

    values = np.ascontiguousarray(closes, np.float64)
    low, middle, high = of.bollinger(values, 20, 2.0)
    macd = of.ema(values, 12) - of.ema(values, 26)
    return {
        "sma_20": of.sma(values, 20),
        "sma_50": of.sma(values, 50),
        "ema_20": of.ema(values, 20),
        "ema_50": of.ema(values, 50),
        "bollinger_low_20": low,
        "bollinger_middle_20": middle,
        "bollinger_high_20": high,
        "rsi_14": of.rsi(values, 14),
        "macd_12_26": macd,
        "macd_signal_9": of.ema(macd, 9),
    }


def indicator_block(series: Series, since_s: int, now_ms: int) -> tuple[int, bytes]:
    """Number of rows and block of technical_indicators: minutes from `since_s` on that have a value. Pure."""
    import numpy as np

    symbols, sources, names, starts, values = [], [], [], [], []
    for (symbol, source), (begins, closes) in series.items():
        for name, column in computed(closes).items():
            for begin, value in zip(begins, column, strict=True):
                if begin >= since_s and np.isfinite(value):
                    symbols.append(symbol)
                    sources.append(source)
                    names.append(name)
                    starts.append(begin)
                    values.append(value)
    rows = len(values)
    return rows, block(
        rows,
        [
            ("symbol", "String", strings(symbols)),
            ("source", "String", strings(sources)),
            ("interval_s", "UInt32", np.full(rows, 60, np.uint32)),
            ("start", "DateTime('UTC')", np.array(starts, np.uint32)),
            ("name", "String", strings(names)),
            ("value", "Float64", np.array(values, np.float64)),
            ("computed_at", "DateTime64(3, 'UTC')", np.full(rows, now_ms, np.int64)),
        ],
    )


async def build(now_ns: int, clickhouse: ClickHouse) -> int:
    """Compute indicators and order flow of the last complete minutes; returns the number of indicator values.

    Raises:
        Unavailable: the store does not respond.
    """
    until = now_ns // 10**9 // 60 * 60
    since_s = until - RECOMPUTED_MINUTES * 60
    rows = await clickhouse.rows(
        _CLOSES, {"since": since_s - WARM_UP_MINUTES * 60, "since_computed": since_s, "until": until}
    )
    series: Series = defaultdict(lambda: ([], []))
    for symbol, source, begins, close in rows:
        series[symbol, source][0].append(int(begins))
        series[symbol, source][1].append(close)
    count, data = indicator_block(series, since_s, now_ns // 1_000_000)
    if count:
        await clickhouse.insert("technical_indicators", data)
    await clickhouse.command(
        f"INSERT INTO order_flow_features {FLOW_BY_MINUTE}",
        {"since": since_s * 10**9, "until": until * 10**9, "now": now_ns // 1_000_000, "seconds": 60},
    )
    return count
