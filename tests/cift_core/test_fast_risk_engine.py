"""FastRiskEngine: each limit, the profit of a position, and tails against NumPy and the normal
distribution."""

import math
import random
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from cift_core import FastRiskEngine


def engine(**limits: float) -> FastRiskEngine:
    risk = FastRiskEngine()
    risk.add_account("ann", 10_000.0, **limits)
    risk.set_mark("SPY", 100.0)
    return risk


CASES: list[tuple[dict[str, float], tuple[Any, ...], str | None]] = [
    ({}, ("ann", "SPY", "buy", 1.0, 100.0), None),
    ({}, ("bob", "SPY", "buy", 1.0, 100.0), "unknown_account"),
    ({}, ("ann", "IBM", "buy", 1.0, 100.0), "unknown_symbol"),
    ({}, ("ann", "SPY", "buy", 0.0, 100.0), "quantity_out_of_range"),
    ({}, ("ann", "SPY", "buy", math.nan, 100.0), "quantity_out_of_range"),
    ({}, ("ann", "SPY", "buy", math.inf, 100.0), "quantity_out_of_range"),
    ({}, ("ann", "SPY", "buy", 1.0, -5.0), "price_out_of_range"),
    ({"max_order_quantity": 5}, ("ann", "SPY", "buy", 5.0, 100.0), None),
    ({"max_order_quantity": 5}, ("ann", "SPY", "buy", 5.5, 100.0), "order_quantity_limit"),
    ({"max_order_notional": 500}, ("ann", "SPY", "sell", 5.0, 100.0), None),
    ({"max_order_notional": 500}, ("ann", "SPY", "sell", 5.0, 100.5), "order_notional_limit"),
    ({"price_band": 0.1}, ("ann", "SPY", "buy", 1.0, 110.0), None),
    ({"price_band": 0.1}, ("ann", "SPY", "buy", 1.0, 110.5), "price_outside_band"),
    ({"price_band": 0.1}, ("ann", "SPY", "sell", 1.0, 89.5), "price_outside_band"),
    ({"max_position": 5}, ("ann", "SPY", "sell", 5.5, 100.0), "position_limit"),
    ({"max_leverage": 2}, ("ann", "SPY", "buy", 200.0, 100.0), None),
    ({"max_leverage": 2}, ("ann", "SPY", "buy", 201.0, 100.0), "leverage_limit"),
]


@pytest.mark.parametrize(("limits", "order", "reason"), CASES)
def test_each_limit_has_its_reason(limits: dict[str, float], order: Any, reason: str | None) -> None:
    assert engine(**limits).check(*order) == reason


def test_a_batch_has_the_same_results_as_single_checks() -> None:
    dice = random.Random(3)
    risk = FastRiskEngine()
    names, symbols = [f"a{k}" for k in range(20)], ["SPY", "IBM", "BAC"]
    for symbol in symbols:
        risk.set_mark(symbol, 100.0)
    for name in names:
        risk.add_account(
            name, 10_000.0, max_order_quantity=90.0, max_position=150.0, max_leverage=3.0, price_band=0.05
        )
        for symbol in symbols:
            risk.on_fill(name, symbol, dice.choice(["buy", "sell"]), dice.randint(1, 99), 100.0)
    orders = [
        (
            dice.randrange(21),
            dice.randrange(4),
            dice.choice([1, -1]),
            dice.randint(0, 100),
            dice.uniform(94, 106),
        )
        for _ in range(3_000)
    ]
    kinds = (np.int64, np.int64, np.int8, np.float64, np.float64)
    columns = [
        np.array(column, dtype=kind) for column, kind in zip(zip(*orders, strict=True), kinds, strict=True)
    ]
    codes = risk.check_orders(*columns)
    assert codes.dtype == np.uint8
    for (account, column, side, quantity, price), code in zip(orders, codes, strict=True):
        name = names[account] if account < 20 else "?"
        reason = risk.check(
            name, symbols[column] if column < 3 else "?", "buy" if side == 1 else "sell", quantity, price
        )
        assert (reason or "admitted") == FastRiskEngine.REASONS[code]
    assert len(set(codes.tolist())) >= 6, "the orders exceed most limits"


def test_reducing_orders_pass_where_increasing_ones_do_not() -> None:
    risk = engine(max_daily_loss=500.0, max_position=50.0, max_leverage=1.0)
    risk.on_fill("ann", "SPY", "buy", 50.0, 100.0)
    assert risk.check("ann", "SPY", "buy", 1.0, 100.0) == "position_limit"
    risk.set_mark("SPY", 89.0)
    assert risk.check("ann", "SPY", "buy", 1.0, 89.0) == "position_limit"
    risk.set_limits("ann", max_position=math.inf)
    assert risk.check("ann", "SPY", "buy", 1.0, 89.0) == "daily_loss_limit"
    assert risk.check("ann", "SPY", "sell", 50.0, 89.0) is None
    assert risk.check("ann", "SPY", "sell", 51.0, 89.0) == "daily_loss_limit", "it flips the position"
    risk.start_day("ann")
    assert risk.check("ann", "SPY", "buy", 1.0, 89.0) is None


def test_cash_position_and_profit_match_a_manual_calculation() -> None:
    risk = engine()
    assert risk.on_fill("ann", "SPY", "buy", 10.0, 100.0, fee=1.0) == 0.0
    assert risk.on_fill("ann", "SPY", "buy", 10.0, 110.0) == 0.0
    assert risk.cash("ann") == 10_000 - 1_000 - 1 - 1_100
    assert risk.on_fill("ann", "SPY", "sell", 5.0, 120.0) == pytest.approx(5 * (120 - 105))
    assert risk.positions("ann") == {"SPY": 15.0}
    assert risk.on_fill("ann", "SPY", "sell", 20.0, 90.0) == pytest.approx(15 * (90 - 105))
    assert risk.positions("ann") == {"SPY": -5.0}
    assert risk.on_fill("ann", "SPY", "buy", 5.0, 80.0) == pytest.approx(5 * (90 - 80))
    assert risk.positions("ann") == {}
    assert risk.equity("ann") == risk.cash("ann") == pytest.approx(10_000 - 1 + 75 - 225 + 50)


def test_equity_is_conserved_over_both_sides_of_every_trade() -> None:
    dice, risk = random.Random(11), FastRiskEngine()
    for name in ("a", "b", "c"):
        risk.add_account(name, 1_000.0)
    for _ in range(500):
        buyer, seller = dice.sample(["a", "b", "c"], 2)
        symbol, quantity, price = dice.choice(["X", "Y"]), dice.randint(1, 9), dice.randint(1, 99)
        risk.on_fill(buyer, symbol, "buy", quantity, price)
        risk.on_fill(seller, symbol, "sell", quantity, price)
        risk.set_mark(symbol, price)
        assert sum(risk.equity(name) for name in ("a", "b", "c")) == pytest.approx(3_000.0)
        for symbol in ("X", "Y"):
            assert sum(risk.positions(name).get(symbol, 0.0) for name in ("a", "b", "c")) == 0.0


def test_a_position_without_a_mark_counts_at_cost() -> None:
    risk = engine()
    risk.on_fill("ann", "IBM", "buy", 10.0, 50.0)
    assert (risk.equity("ann"), risk.gross("ann")) == (10_000.0, 500.0)
    risk.set_mark("IBM", 60.0)
    assert (risk.equity("ann"), risk.gross("ann")) == (10_100.0, 600.0)


def test_deposits_and_withdrawals_are_no_loss() -> None:
    risk = engine(max_daily_loss=100.0)
    risk.move_cash("ann", -5_000.0)
    assert risk.equity("ann") == 5_000.0
    assert risk.check("ann", "SPY", "buy", 1.0, 100.0) is None


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, 0.975])
@pytest.mark.parametrize("count", [1, 7, 100, 250, 5_000])
def test_the_historical_tail(count: int, confidence: float) -> None:
    returns = np.random.default_rng(count).standard_t(3, count) * 0.01
    before = returns.copy()
    var, shortfall = FastRiskEngine.historical_var(returns, confidence)
    np.testing.assert_array_equal(returns, before)
    losses = np.sort(-returns)[::-1]
    tail = round(count * (1 - confidence), 9)
    k = int(tail)
    assert var == losses[k]
    assert shortfall == pytest.approx((losses[:k].sum() + (tail - k) * losses[k]) / tail)
    assert shortfall >= var - 1e-12


def test_the_parametric_tail() -> None:
    returns = np.random.default_rng(5).normal(0.001, 0.02, 500)
    mean, deviation = returns.mean(), returns.std(ddof=1)
    for confidence in (0.9, 0.99, 0.9999):
        z, horizon = NormalDist().inv_cdf(confidence), 10.0
        var, shortfall = FastRiskEngine.parametric_var(returns, confidence, horizon)
        spread, drift = deviation * math.sqrt(horizon), mean * horizon
        assert var == pytest.approx(z * spread - drift, rel=1e-12)
        density = NormalDist().pdf(z) / (1 - confidence)
        assert shortfall == pytest.approx(spread * density - drift, rel=1e-9)


def test_the_tail_of_an_account() -> None:
    risk = engine()
    risk.set_mark("IBM", 50.0)
    risk.on_fill("ann", "SPY", "buy", 30.0, 100.0)
    risk.on_fill("ann", "IBM", "sell", 20.0, 50.0)
    returns = np.random.default_rng(9).normal(0, 0.01, (400, 3))
    series = returns @ np.array([0.0, -1_000.0, 3_000.0])
    for method, plain in [
        ("historical", FastRiskEngine.historical_var(series, 0.95)),
        ("parametric", FastRiskEngine.parametric_var(series, 0.95)),
    ]:
        got = risk.value_at_risk("ann", ["BAC", "IBM", "SPY"], returns, 0.95, method)  # type: ignore[arg-type]
        assert got == pytest.approx(plain, rel=1e-9)
    with pytest.raises(ValueError, match="the account holds IBM, which is missing in symbols"):
        risk.value_at_risk("ann", ["SPY"], returns[:, :1].copy())
    with pytest.raises(ValueError, match="one column for each symbol"):
        risk.value_at_risk("ann", ["IBM", "SPY"], returns)
    with pytest.raises(ValueError, match="method"):
        risk.value_at_risk("ann", ["BAC", "IBM", "SPY"], returns, 0.95, "guess")  # type: ignore[arg-type]


def test_stress_matches_a_manual_calculation() -> None:
    risk = engine()
    risk.set_mark("IBM", 50.0)
    risk.on_fill("ann", "SPY", "buy", 150.0, 100.0)
    risk.on_fill("ann", "IBM", "sell", 100.0, 50.0)
    after = risk.stress("ann", {"SPY": -0.2, "IBM": 0.1, "BAC": -0.9})
    assert after["profit"] == pytest.approx(-15_000 * 0.2 - 5_000 * 0.1)
    assert after["equity"] == pytest.approx(6_500.0)
    assert after["gross"] == pytest.approx(12_000 + 5_500)
    assert after["leverage"] == pytest.approx(17_500 / 6_500)
    assert risk.stress("ann", {"SPY": -0.99})["leverage"] == math.inf
    assert risk.equity("ann") == 10_000.0, "a stress test changes no state"
    moves = np.array([[-0.2, 0.1], [0.0, 0.5]])
    np.testing.assert_allclose(
        FastRiskEngine.profits(moves, np.array([15_000.0, -5_000.0])), [-3_500, -2_500]
    )


def test_unknown_names_and_invalid_numbers_are_refused() -> None:
    risk = engine()
    for call in (risk.cash, risk.equity, risk.gross, risk.positions, risk.start_day, risk.account_index):
        with pytest.raises(KeyError):
            call("bob")
    with pytest.raises(KeyError):
        risk.symbol_index("IBM")
    with pytest.raises(ValueError, match="already defined"):
        risk.add_account("ann")
    for limits in ({"max_position": -1.0}, {"price_band": math.nan}):
        with pytest.raises(ValueError):
            risk.add_account("bob", 0.0, **limits)
        with pytest.raises(ValueError):
            risk.set_limits("ann", **limits)
    for price in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError):
            risk.set_mark("SPY", price)
        with pytest.raises(ValueError):
            risk.on_fill("ann", "SPY", "buy", 1.0, price)
    with pytest.raises(ValueError):
        risk.on_fill("ann", "SPY", "buy", -1.0, 100.0)
    for confidence in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="confidence"):
            FastRiskEngine.historical_var(np.ones(3), confidence)
    assert all(map(math.isnan, FastRiskEngine.historical_var(np.array([]))))
    assert all(map(math.isnan, FastRiskEngine.historical_var(np.array([0.1, np.nan]))))
