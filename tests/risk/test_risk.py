"""Risk of a portfolio: known distributions, sums of contributions, back-tests of a model, stress."""

import math

import numpy as np
import pytest

from cift.risk import (
    METHODS,
    SHOCKS,
    beta,
    christoffersen,
    concentration,
    contributions,
    kupiec,
    portfolio_risk,
    stress,
    value_at_risk,
)

NORMAL_99 = 2.326347874
NORMAL_ES_99 = 2.665214220


@pytest.fixture(scope="module")
def normal() -> np.ndarray:
    return np.random.default_rng(1).normal(0.0, 1_000.0, 50_000)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_tail_of_a_normal_distribution(method: str, normal: np.ndarray) -> None:
    # The volatility that `filtered` scales to is that of the last days, not the true one.
    decay, tolerance = (0.9999, 0.04) if method == "filtered" else (0.94, 0.04)
    tail = value_at_risk(normal, 0.99, method, decay=decay, scenarios=100_000)  # type: ignore[arg-type]
    assert tail.value_at_risk == pytest.approx(NORMAL_99 * 1_000, rel=tolerance)
    assert tail.expected_shortfall == pytest.approx(NORMAL_ES_99 * 1_000, rel=tolerance)


def test_monte_carlo_is_determined_by_its_seed_and_has_fat_tails(normal: np.ndarray) -> None:
    one, again, other = (value_at_risk(normal, 0.99, "monte_carlo", seed=seed) for seed in (1, 1, 2))
    fat = value_at_risk(normal, 0.999, "monte_carlo", freedom=3.0)
    assert one == again != other and fat.value_at_risk > 1.3 * value_at_risk(normal, 0.999).value_at_risk


def test_a_portfolio_of_several_symbols() -> None:
    rng = np.random.default_rng(2)
    returns = rng.multivariate_normal([0, 0], [[1e-4, 5e-5], [5e-5, 4e-4]], 20_000)
    held = np.array([10_000.0, -5_000.0])
    variance = held @ np.array([[1e-4, 5e-5], [5e-5, 4e-4]]) @ held
    tail = portfolio_risk(held, returns)
    assert tail.value_at_risk == pytest.approx(NORMAL_99 * math.sqrt(variance), rel=0.04)
    assert portfolio_risk(held, returns, 0.99, "monte_carlo", scenarios=100_000).value_at_risk == (
        pytest.approx(tail.value_at_risk, rel=0.05)
    )


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(ValueError, match="method must be one of historical, parametric"):
        value_at_risk([1.0, 2.0], 0.99, "best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, got 99"):
        value_at_risk([1.0, 2.0], 99)
    with pytest.raises(ValueError, match="none of them NaN"):
        value_at_risk([1.0, math.nan])
    with pytest.raises(ValueError, match="covariance must have the shape"):
        contributions([1.0, 2.0], [[1.0]])


def test_components_sum_to_the_value_at_risk() -> None:
    held = np.array([10_000.0, -4_000.0, 7_000.0])
    factors = np.random.default_rng(3).normal(0, 0.01, (3, 3))
    covariance = factors @ factors.T
    risk = contributions(held, covariance, 0.99)
    assert risk.component.sum() == pytest.approx(risk.value_at_risk)
    assert risk.value_at_risk == pytest.approx(NORMAL_99 * math.sqrt(held @ covariance @ held))
    more = contributions(held + np.array([1.0, 0.0, 0.0]), covariance, 0.99)
    assert more.value_at_risk - risk.value_at_risk == pytest.approx(risk.marginal[0], rel=1e-3)


def test_kupiec_and_christoffersen_match_published_values() -> None:
    # Jorion, "Value at Risk": 20 exceedances of 99 % in 252 days; and a model that holds.
    days = np.zeros(252, bool)
    days[::13] = True
    assert days.sum() == 20
    many = kupiec(days, 0.99)
    expected = -2 * (232 * math.log(0.99) + 20 * math.log(0.01)) + 2 * (
        232 * math.log(232 / 252) + 20 * math.log(20 / 252)
    )
    assert many.statistic == pytest.approx(expected) and many.p_value < 1e-6
    good = np.zeros(1_000, bool)
    good[::100] = True
    assert kupiec(good, 0.99).p_value == pytest.approx(1.0)
    clustered = np.zeros(1_000, bool)
    clustered[:10] = True
    assert christoffersen(good, 0.99).p_value > 0.5
    assert christoffersen(clustered, 0.99).p_value < 1e-6 < kupiec(clustered, 0.99).p_value
    assert kupiec([False] * 10, 0.99).exceedances == 0


def test_the_test_of_kupiec_rejects_a_true_model_as_often_as_it_should() -> None:
    rng = np.random.default_rng(4)
    rejected = sum(kupiec(rng.random(1_000) < 0.05, 0.95).p_value < 0.05 for _ in range(2_000))
    assert 0.03 < rejected / 2_000 < 0.075


def test_stress_uses_the_scenario_then_beta_times_market() -> None:
    held = {"SPY": 10_000.0, "IBM": -5_000.0, "BAC": 1_000.0}
    shock = SHOCKS["black_monday_1987_10_19"]
    profit = stress(held, {"BAC": -0.5}, market=shock, betas={"IBM": 0.8})
    assert profit == pytest.approx({"SPY": 10_000 * shock, "IBM": -5_000 * 0.8 * shock, "BAC": -500.0})
    with pytest.raises(ValueError, match=r"the move of SPY must be at least -1, got -1\.5"):
        stress(held, market=-1.5)


def test_exposure_concentration_and_beta() -> None:
    figures = concentration([6_000.0, -4_000.0], 5_000.0)
    assert (figures.gross, figures.net, figures.largest, figures.leverage) == (10_000, 2_000, 6_000, 2.0)
    assert figures.herfindahl == pytest.approx(0.52)
    assert concentration([], 100.0).herfindahl == 0.0 and math.isinf(concentration([1.0], 0.0).leverage)
    market = np.random.default_rng(5).normal(0, 0.01, 500)
    assert beta(1.5 * market + 0.001, market) == pytest.approx(1.5)
    assert math.isnan(beta([0.1, 0.2], [0.0, 0.0]))
