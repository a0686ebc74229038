"""FastMarketData against the formulas in plain NumPy, and with invalid arguments."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cift_core import FastMarketData
from hypothesis import given, settings
from hypothesis import strategies as st

LENGTHS = [0, 1, 2, 3, 15, 16, 17, 100, 1_000]
rng = np.random.default_rng(20_261_121)


def walk(count: int) -> np.ndarray:
    return np.asarray(np.round(100 + np.cumsum(rng.normal(0, 0.01, count)), 2))


def sizes(count: int) -> np.ndarray:
    return np.floor(1 + 99 * rng.random(count))


@pytest.mark.parametrize("count", LENGTHS)
def test_vwap_and_twap_of_every_length(count: int) -> None:
    prices, volumes = walk(count), sizes(count)
    if count == 0:
        assert math.isnan(FastMarketData.vwap(prices, volumes)) and math.isnan(FastMarketData.twap(prices))
        return
    assert FastMarketData.vwap(prices, volumes) == pytest.approx(
        np.average(prices, weights=volumes), rel=1e-12
    )
    assert FastMarketData.twap(prices) == pytest.approx(prices.mean(), rel=1e-12)
    times = np.cumsum(rng.integers(1, 10**9, count)) + 1_795_000_000 * 10**9
    end = int(times[-1]) + 5
    held = np.diff(np.append(times, end))
    assert FastMarketData.twap(prices, times, end) == pytest.approx(
        np.average(prices, weights=held), rel=1e-9
    )


floats = st.floats(-1e9, 1e9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(floats, st.integers(0, 10**6).map(float)), max_size=70))
def test_vwap_lies_within_the_prices(trades: list[tuple[float, float]]) -> None:
    prices, volumes = (np.array([trade[k] for trade in trades]) for k in (0, 1))
    got = FastMarketData.vwap(prices, volumes)
    if volumes.sum() == 0:
        assert math.isnan(got)
    else:
        assert prices.min() - 1e-3 <= got <= prices.max() + 1e-3


def plain_ofi(b: np.ndarray, bs: np.ndarray, a: np.ndarray, az: np.ndarray) -> np.ndarray:
    changes = np.zeros(len(b))
    for n in range(1, len(b)):
        changes[n] = (
            (b[n] >= b[n - 1]) * bs[n]
            - (b[n] <= b[n - 1]) * bs[n - 1]
            - (a[n] <= a[n - 1]) * az[n]
            + (a[n] >= a[n - 1]) * az[n - 1]
        )
    return changes


@pytest.mark.parametrize("count", LENGTHS)
def test_order_flow_imbalance(count: int) -> None:
    bids = walk(count)
    asks = bids + np.round(rng.random(count), 2) + 0.01
    bid_sizes, ask_sizes = sizes(count), sizes(count)
    changes = plain_ofi(bids, bid_sizes, asks, ask_sizes)
    np.testing.assert_array_equal(FastMarketData.ofi_series(bids, bid_sizes, asks, ask_sizes), changes)
    assert FastMarketData.ofi(bids, bid_sizes, asks, ask_sizes) == pytest.approx(changes.sum(), abs=1e-6)


def test_weighted_order_flow_imbalance() -> None:
    levels, count, decay = 5, 200, 0.4
    bids = walk(count)[:, None] - 0.01 * np.arange(levels)
    asks = bids[:, :1] + 0.02 + 0.01 * np.arange(levels)
    bid_sizes, ask_sizes = (
        sizes(count * levels).reshape(count, levels),
        sizes(count * levels).reshape(count, levels),
    )
    bids, asks = np.ascontiguousarray(bids), np.ascontiguousarray(asks)
    book = bids, bid_sizes, asks, ask_sizes
    weights = np.exp(-decay * np.arange(levels))
    each = [plain_ofi(*(x[:, level] for x in book)).sum() for level in range(levels)]
    got = FastMarketData.weighted_ofi(*book, decay=decay)
    assert got == pytest.approx(np.dot(weights, each) / weights.sum(), rel=1e-9)
    with pytest.raises(ValueError, match="differ in shape"):
        FastMarketData.weighted_ofi(bids, bid_sizes, asks, np.ones((levels, count)))


def test_spreads_and_microprices() -> None:
    bids, prices = walk(50), walk(50)
    asks, bid_sizes, ask_sizes = bids + 0.02, sizes(50), sizes(50)
    sides = rng.choice(np.array([1, -1], dtype=np.int8), 50)
    mids = (bids + asks) / 2
    micro = (bids * ask_sizes + asks * bid_sizes) / (bid_sizes + ask_sizes)
    np.testing.assert_allclose(FastMarketData.quoted_spreads(bids, asks), asks - bids)
    np.testing.assert_allclose(FastMarketData.relative_spreads(bids, asks), 1e4 * (asks - bids) / mids)
    np.testing.assert_allclose(
        FastMarketData.effective_spreads(prices, mids, sides), 2 * sides * (prices - mids), atol=1e-12
    )
    np.testing.assert_allclose(FastMarketData.microprices(bids, bid_sizes, asks, ask_sizes), micro)
    assert FastMarketData.microprice(10.0, 3.0, 11.0, 1.0) == 10.75


def test_the_shape_of_the_book() -> None:
    bid_sizes, ask_sizes = sizes(6), sizes(4)
    weights = np.exp(-0.3 * np.arange(6))
    bid, ask = np.dot(weights, bid_sizes), np.dot(weights[:4], ask_sizes)
    assert FastMarketData.book_pressure(bid_sizes, ask_sizes, decay=0.3) == pytest.approx(
        (bid - ask) / (bid + ask)
    )
    prices: np.ndarray = 100 - 0.01 * np.arange(1, 7)
    distance, depth = np.abs(prices - 100), np.cumsum(bid_sizes)
    slope = np.linalg.lstsq(distance[:, None], depth, rcond=None)[0][0]
    assert FastMarketData.book_slope(prices, bid_sizes, 100.0) == pytest.approx(slope)
    logs = np.log(depth + 1)
    steps = np.abs(prices / np.append(100.0, prices[:-1]) - 1)
    growth = np.append(logs[0], logs[1:] / logs[:-1] - 1)
    first = bid_sizes.copy()
    first[0] += 1
    assert FastMarketData.book_elasticity(prices, first, 100.0) == pytest.approx((growth / steps).mean())


def test_trade_imbalance() -> None:
    sides = np.array([1, -1, 0], dtype=np.int8)
    assert FastMarketData.trade_imbalance(np.array([3.0, 1.0, 9.0]), sides) == 0.5


@pytest.mark.parametrize("window", [1, 2, 20, 300])
def test_rolling_values(window: int) -> None:
    x, volumes = walk(300) + 1e4, sizes(300)
    blank = np.full(window - 1, np.nan)
    views = np.lib.stride_tricks.sliding_window_view(x, window)
    weights = np.lib.stride_tricks.sliding_window_view(volumes, window)
    mean, deviation = np.append(blank, views.mean(1)), np.append(blank, views.std(1))
    np.testing.assert_allclose(FastMarketData.sma(x, window), mean, rtol=1e-12)
    np.testing.assert_allclose(FastMarketData.rolling_deviation(x, window), deviation, atol=1e-9)
    np.testing.assert_allclose(
        FastMarketData.rolling_vwap(x, volumes, window),
        np.append(blank, (views * weights).sum(1) / weights.sum(1)),
        rtol=1e-12,
    )
    bands = FastMarketData.bollinger(x, window, 2.0)
    for band, width in zip(bands, (-2, 0, 2), strict=True):
        np.testing.assert_allclose(band, mean + width * deviation, atol=1e-8)


def test_ema_scaling_and_rsi() -> None:
    x = walk(200)
    average = np.empty_like(x)
    average[0] = x[0]
    for n in range(1, len(x)):
        average[n] = average[n - 1] + 2 / 11 * (x[n] - average[n - 1])
    np.testing.assert_allclose(FastMarketData.ema(x, 10.0), average, rtol=1e-12)
    np.testing.assert_allclose(FastMarketData.normalise(x), (x - x.min()) / (x.max() - x.min()))
    np.testing.assert_allclose(FastMarketData.standardise(x), (x - x.mean()) / x.std(), atol=1e-9)
    change = np.diff(x)
    gain, loss = np.maximum(change, 0), np.maximum(-change, 0)
    up, down = gain[:14].mean(), loss[:14].mean()
    strength = [100 * up / (up + down)]
    for g, d in zip(gain[14:], loss[14:], strict=True):
        up, down = (13 * up + g) / 14, (13 * down + d) / 14
        strength.append(100 * up / (up + down))
    got = FastMarketData.rsi(x)
    assert np.isnan(got[:14]).all()
    np.testing.assert_allclose(got[14:], strength, rtol=1e-9)


def test_a_nan_input_yields_nan() -> None:
    x, ones = np.array([1.0, np.nan, 3.0]), np.ones(3)
    assert math.isnan(FastMarketData.vwap(x, ones))
    assert np.isnan(FastMarketData.ema(x, 2.0)[1:]).all()


def test_current_figures_are_those_of_the_last_window() -> None:
    prices, volumes = walk(500), sizes(500)
    sides = rng.choice(np.array([1, -1], dtype=np.int8), 500)
    live, batch = FastMarketData(64, ema_span=10.0), FastMarketData(64, ema_span=10.0)
    assert math.isnan(live.current_vwap) and math.isnan(live.current_spread) and live.current_ofi == 0.0
    for price, volume, side in zip(prices, volumes, sides, strict=True):
        live.on_trade(price, volume, int(side))
        live.on_quote(price - 0.01, volume, price + 0.01, 5.0)
    batch.on_trades(prices, volumes, sides)
    assert live.current_vwap == batch.current_vwap
    assert live.current_vwap == pytest.approx(np.average(prices[-64:], weights=volumes[-64:]))
    assert live.current_trade_imbalance == pytest.approx(np.average(sides[-64:], weights=volumes[-64:]))
    assert live.current_ema == pytest.approx(FastMarketData.ema(prices, 10.0)[-1])
    quotes = prices - 0.01, volumes, prices + 0.01, np.full(500, 5.0)
    assert live.current_ofi == pytest.approx(FastMarketData.ofi(*(x[-65:].copy() for x in quotes)))
    assert live.current_spread == pytest.approx(0.02)
    assert (live.trades, live.window, live.last_price) == (500, 64, prices[-1])
    assert live.volume == volumes[-64:].sum()


def test_nan_and_infinity_are_refused_and_change_no_figure() -> None:
    live = FastMarketData(10)
    live.on_trade(100.0, 5.0)
    for price, volume in [(math.nan, 1.0), (100.0, math.inf), (100.0, -1.0)]:
        with pytest.raises(ValueError):
            live.on_trade(price, volume)
        with pytest.raises(ValueError, match="trade 1: "):
            live.on_trades(np.array([100.0, price]), np.array([1.0, volume]))
    with pytest.raises(ValueError):
        live.on_quote(99.0, 1.0, math.nan, 0.0)
    assert (live.current_vwap, live.volume, live.trades) == (100.0, 5.0, 1)
    assert math.isnan(live.current_spread)


WRONG: list[tuple[Callable[..., Any], tuple[Any, ...], type[Exception]]] = [
    (FastMarketData.vwap, (np.ones(3), np.ones(2)), ValueError),
    (FastMarketData.vwap, (np.ones(3, dtype=np.int64), np.ones(3)), TypeError),
    (FastMarketData.vwap, ([1.0], [1.0]), TypeError),
    (FastMarketData.vwap, (np.ones((2, 2)), np.ones((2, 2))), TypeError),
    (FastMarketData.vwap, (np.ones(6)[::2], np.ones(3)), TypeError),
    (FastMarketData.twap, (np.ones(2), None, 5), ValueError),
    (FastMarketData.sma, (np.ones(3), 0), ValueError),
    (FastMarketData.sma, (np.ones(3), -1), OverflowError),
    (FastMarketData.ema, (np.ones(3), 0.5), ValueError),
    (FastMarketData.ema, (np.ones(3), float("nan")), ValueError),
    (FastMarketData.trade_imbalance, (np.ones(3), np.ones(3)), TypeError),
    (FastMarketData, (0,), ValueError),
    (FastMarketData, (2**40,), ValueError),
]


@pytest.mark.parametrize(("call", "arguments", "error"), WRONG)
def test_wrong_arguments_are_refused(
    call: Callable[..., Any], arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        call(*arguments)


def test_the_error_for_another_array_names_the_conversion() -> None:
    with pytest.raises(
        TypeError, match=r"array of int64 .*numpy.ascontiguousarray\(x, dtype=numpy.float64\)"
    ):
        FastMarketData.vwap(np.ones(3), np.ones(3, dtype=np.int64))
