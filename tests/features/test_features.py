"""Each feature over columns equals the feature that is updated with each tick, and none looks ahead."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from cift_core import Feature
from polars.testing import assert_frame_equal

from cift import features as f
from cift.feeds import sample

ROWS = 3_000
LEVELS = [(f"bid_{at}", f"bid_size_{at}", f"ask_{at}", f"ask_size_{at}") for at in range(3)]
FLAT_LEVELS = [name for level in LEVELS for name in level]
OHLC = ["open", "high", "low", "close"]
QUOTE = FLAT_LEVELS[:4]


@cache
def random_rows() -> pl.DataFrame:
    """Bars, trades and a book of three levels in one frame, from a seed. Prices jump, stay and drift."""
    rng = np.random.default_rng(20_261_130)
    moves = rng.normal(0, 0.02, ROWS) * (rng.random(ROWS) < 0.7) + 0.3 * (rng.random(ROWS) < 0.002)
    close = np.round(100 + np.cumsum(moves), 2)
    before = np.roll(close, 1)
    before[0] = close[0]
    gap = np.round(before + rng.normal(0, 0.01, ROWS), 2)
    columns: dict[str, Any] = {
        "close": close,
        "open": gap,
        "high": np.maximum(close, gap) + np.round(rng.random(ROWS) * 0.05, 2),
        "low": np.minimum(close, gap) - np.round(rng.random(ROWS) * 0.05, 2),
        "volume": rng.integers(1, 500, ROWS).astype(float),
        "side": rng.choice([-1.0, 0.0, 1.0], ROWS),
    }
    for at in range(3):
        columns[f"bid_{at}"] = close - 0.01 * (at + 1 + rng.integers(0, 2, ROWS))
        columns[f"ask_{at}"] = close + 0.01 * (at + 1)
        columns[f"bid_size_{at}"] = rng.integers(1, 50, ROWS).astype(float)
        columns[f"ask_size_{at}"] = rng.integers(1, 50, ROWS).astype(float)
    return _derived(pl.DataFrame(columns))


@cache
def sample_rows() -> pl.DataFrame:
    """Trades of IBM in the recorded day with the quote before each; bars of ten trades as open … close."""
    day = next(day for day in sample.read() if day.symbol == "IBM")
    trades = pl.DataFrame([(p.at_ms, p.price / 100, float(p.size)) for p in day.prints], orient="row")
    trades.columns = ["at", "close", "volume"]
    quotes = pl.DataFrame(
        [(q.at_ms, q.bid / 100, float(q.bid_size), q.ask / 100, float(q.ask_size)) for q in day.quotes],
        orient="row",
    )
    quotes.columns = ["at", *QUOTE]
    rows = trades.join_asof(quotes, on="at", allow_exact_matches=False).drop_nulls().head(ROWS)
    wider = {
        name: pl.col(QUOTE[at % 4]) + (at // 4) * (-0.01, 1.0, 0.01, 1.0)[at % 4]
        for at, name in enumerate(FLAT_LEVELS)
    }
    price = pl.col("close")
    return _derived(
        rows.with_columns(
            open=price.shift(10).fill_null(strategy="backward"),
            high=price.rolling_max(11, min_samples=1),
            low=price.rolling_min(11, min_samples=1),
            side=f.lee_ready("close", QUOTE[0], QUOTE[2]),
            **wider,
        ).with_columns(open=pl.col("open").clip(pl.col("low"), pl.col("high")))
    )


def _derived(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        mid=(pl.col(QUOTE[0]) + pl.col(QUOTE[2])) / 2,
        signed=pl.col("volume") * pl.col("side"),
        notional=pl.col("volume") * pl.col("close"),
    )


HLC = OHLC[1:]
CASES: list[tuple[pl.Expr, tuple[Any, ...], list[str]]] = [
    (f.sma("close", 20), ("sma", 20), ["close"]),
    (f.sma("close", 1), ("sma", 1), ["close"]),
    (f.ema("close", 20), ("ema", 20), ["close"]),
    (f.rsi("close", 14), ("rsi", 14), ["close"]),
    (f.bollinger("close", 20, 2.0), ("bollinger", 20, 2), ["close"]),
    (f.macd("close"), ("macd", 12, 26, 9), ["close"]),
    (f.atr(*HLC, 14), ("atr", 14), HLC),
    (f.adx(*HLC, 14), ("adx", 14), HLC),
    (f.stochastic(*HLC), ("stochastic", 14, 3, 3), HLC),
    (f.normalise("close", 50), ("normalise", 50), ["close"]),
    (f.standardise("close", 50), ("standardise", 50), ["close"]),
    (f.lag("close", 7), ("lag", 7), ["close"]),
    (f.realized_volatility("close", 30), ("realized_volatility", 30), ["close"]),
    (f.bipower_volatility("close", 30), ("bipower_volatility", 30), ["close"]),
    (f.parkinson("high", "low", 30), ("parkinson", 30), ["high", "low"]),
    (f.garman_klass(*OHLC, 30), ("garman_klass", 30), OHLC),
    (f.yang_zhang(*OHLC, 30), ("yang_zhang", 30), OHLC),
    (f.vwap("close", "volume", 30), ("vwap", 30), ["close", "volume"]),
    (f.microprice(*QUOTE), ("microprice",), QUOTE),
    (f.effective_spread("close", "mid", "side"), ("effective_spread",), ["close", "mid", "side"]),
    (f.realized_spread("close", "mid", "side", 5), ("realized_spread", 5), ["close", "mid", "side"]),
    (f.ofi(*QUOTE, 30), ("ofi", 30), QUOTE),
    (f.weighted_ofi(*QUOTE, 0.9), ("weighted_ofi", 0.9), QUOTE),
    (f.multi_level_ofi(LEVELS, 30), ("multi_level_ofi", 30, 3), FLAT_LEVELS),
    (f.book_pressure(LEVELS, 0.5), ("book_pressure", 3, 0.5), FLAT_LEVELS),
    (f.book_slope(LEVELS), ("book_slope", 3), FLAT_LEVELS),
    (f.tick_rule("close"), ("tick_rule",), ["close"]),
    (f.lee_ready("close", QUOTE[0], QUOTE[2]), ("lee_ready",), ["close", QUOTE[0], QUOTE[2]]),
    (f.kyle_lambda("close", "signed", 100), ("kyle_lambda", 100), ["close", "signed"]),
    (f.vpin("volume", "side", 3_000.0, 10), ("vpin", 3_000, 10), ["volume", "side"]),
    (f.vpin("volume", "side", 100.0, 10), ("vpin", 100, 10), ["volume", "side"]),
    (f.amihud("close", "notional", 30), ("amihud", 30), ["close", "notional"]),
]
NAMES = [f"{live[0]}-{at}" for at, (_, live, _) in enumerate(CASES)]


def columns_of(frame: pl.DataFrame, expression: pl.Expr) -> np.ndarray[Any, Any]:
    """The outputs of an expression, one row each."""
    result = frame.select(x=expression)["x"]
    parts = result.struct.unnest().get_columns() if isinstance(result.dtype, pl.Struct) else [result]
    return np.array([part.fill_null(float("nan")).to_numpy() for part in parts])


def arrays(frame: pl.DataFrame, names: list[str]) -> list[Any]:
    return [np.ascontiguousarray(frame[name].to_numpy(), np.float64) for name in names]


@pytest.mark.parametrize("rows", [random_rows, sample_rows])
@pytest.mark.parametrize(("expression", "live", "inputs"), CASES, ids=NAMES)
def test_a_column_equals_its_live_updates_to_1e_12(
    expression: pl.Expr, live: tuple[Any, ...], inputs: list[str], rows: Callable[[], pl.DataFrame]
) -> None:
    frame = rows()
    column = columns_of(frame, expression)
    updated = Feature(*live).run(*arrays(frame, inputs))
    assert np.isfinite(column).any()
    np.testing.assert_array_equal(np.isnan(column), np.isnan(updated))
    # Relative to the largest value: a difference of large numbers keeps their rounding error.
    scale = max(1.0, float(np.nanmax(np.abs(column))))
    np.testing.assert_allclose(column, updated, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize(("expression", "live", "inputs"), CASES, ids=NAMES)
def test_no_feature_looks_ahead(expression: pl.Expr, live: tuple[Any, ...], inputs: list[str]) -> None:
    frame = random_rows()
    whole = columns_of(frame, expression)
    for rows in (1, 2, 257, 1_500):
        truncated = columns_of(frame.head(rows), expression)
        # The kernels take four rows a turn: a last row may differ in its last bit.
        np.testing.assert_allclose(truncated, whole[:, :rows], rtol=1e-13, atol=1e-13)


def test_one_update_returns_the_value_of_its_row() -> None:
    frame = random_rows().head(40)
    live = Feature("bollinger", 20, 2)
    updated = [live.update(close) for close in frame["close"]]
    np.testing.assert_array_equal(
        np.array(updated).T, Feature("bollinger", 20, 2).run(*arrays(frame, ["close"]))
    )
    assert (live.inputs, live.outputs) == (1, 3)
    with pytest.raises(TypeError, match="bollinger takes 1 values, got 2"):
        live.update(1.0, 2.0)


def test_features_of_several_symbols_and_of_features() -> None:
    one = random_rows().head(200).select("close", symbol=pl.lit("A"))
    other = one.with_columns(symbol=pl.lit("B"), close=pl.col("close") * 2)
    both = pl.concat([one, other]).with_columns(x=f.sma("close", 20).over("symbol"))
    alone = one.select(x=f.sma("close", 20))["x"]
    assert both.filter(symbol="A")["x"].equals(alone)
    assert both["x"][200:219].is_nan().all()
    smoothed = one.select(x=f.sma(f.rsi("close", 14), 5))["x"]
    assert smoothed.is_nan().sum() == 14 + 4
    with pytest.raises(ValueError, match="row 3 is null or NaN"):
        pl.DataFrame({"x": [1.0, 2.0, 3.0, None, 5.0]}).select(f.sma("x", 2))


def test_values_match_a_manual_calculation() -> None:
    frame = pl.DataFrame(
        {"p": [10.0, 11.0, 10.0, 12.0], "v": [1.0, 1.0, 2.0, 4.0], "s": [1.0, 1.0, -1.0, 1.0]}
    )
    assert frame.select(f.vwap("p", "v", 2))["p"].to_list()[1:] == pytest.approx([10.5, 31 / 3, 68 / 6])
    # Buckets of 4: (1 + 1 − 2), then 4 bought.
    assert frame.select(x=f.vpin("v", "s", 4.0, 2))["x"].to_list()[3] == pytest.approx(0.5)
    # Changes 1, −1, 2 on signed volumes 1, −2, 4.
    assert frame.select(x=f.kyle_lambda("p", pl.col("v") * pl.col("s"), 3))["x"][3] == pytest.approx(9 / 18)
    assert frame.select(x=f.parkinson("p", pl.lit(10.0) + 0 * pl.col("p"), 1))["x"][1] == pytest.approx(
        math.log(1.1) / math.sqrt(4 * math.log(2))
    )


def test_targets_look_forward() -> None:
    frame = pl.DataFrame({"p": [100.0, 101.0, 103.0, 99.0, 99.5]})
    assert frame.select(f.forward_return("p", 1))["p"].to_list()[0] == pytest.approx(0.01)
    result = frame.select(x=f.triple_barrier("p", pl.lit(0.02) + 0 * pl.col("p"), 2))["x"].struct.unnest()
    assert result["label"].to_list()[:3] == [1.0, 0.0, -1.0]
    assert result["bars"].to_list()[:3] == [2.0, 2.0, 1.0]
    assert result["label"][3:].is_nan().all()


def trades() -> pl.DataFrame:
    frame = random_rows()
    start = datetime(2013, 10, 7, 14, 30, tzinfo=UTC)
    seconds = np.random.default_rng(1).integers(0, 30, ROWS).cumsum()
    at = pl.Series("at", [start + timedelta(seconds=int(each)) for each in seconds])
    return frame.select(at, price="close", volume="volume", side="side")


BARS: list[tuple[str, float, Callable[[pl.DataFrame], pl.DataFrame]]] = [
    ("key_bars", 0, lambda frame: f.bars_by_time(frame, timedelta(minutes=5))),
    ("trade_bars", 40, lambda frame: f.bars_by_trades(frame, 40)),
    ("volume_bars", 5_000, lambda frame: f.bars_by_volume(frame, 5_000)),
    ("notional_bars", 1e6, lambda frame: f.bars_by_notional(frame, 1e6)),
    ("imbalance_bars", 2_000, lambda frame: f.bars_by_imbalance(frame, 2_000)),
]


@pytest.mark.parametrize(("name", "size", "make"), BARS, ids=[name for name, _, _ in BARS])
def test_bars_equal_those_of_live_trades_and_do_not_change(
    name: str, size: float, make: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    frame = trades().with_columns(key=(pl.col("at").dt.epoch("s") // 300).cast(pl.Float64))
    live = Feature(name, *([size] if size else []))
    closed, *fields = live.run(*arrays(frame, ["key", "price", "volume", "side"]))
    bars = make(frame)
    assert bars.height > 20
    for field, values in zip(
        ("open", "high", "low", "close", "volume", "notional", "trades"), fields, strict=True
    ):
        np.testing.assert_allclose(bars[field].to_numpy(), values[closed == 1.0], rtol=1e-12)
    fewer = make(frame.head(2_000))
    assert fewer.height < bars.height
    assert_frame_equal(fewer, bars.head(fewer.height), rel_tol=1e-12)
