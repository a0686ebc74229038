"""Value at risk and expected shortfall.

Sources: RiskMetrics (1996); Acerbi and Tasche (2002); Favre and Galeano (2002) for Cornish–Fisher;
Barone-Adesi, Giannopoulos and Vosper (1999) for filtered historical simulation.
"""

import math
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from cift_core import FastRiskEngine
from cift_core.risk import cornish_fisher, filtered_historical, monte_carlo

Method: TypeAlias = Literal["historical", "parametric", "cornish_fisher", "filtered", "monte_carlo"]
METHODS: tuple[Method, ...] = get_args(Method)


class TailRisk(NamedTuple):
    """The loss that is not exceeded with the given confidence, and the mean loss if it is exceeded."""

    value_at_risk: float
    expected_shortfall: float


def value_at_risk(
    profits: Any,
    confidence: float = 0.99,
    method: Method = "historical",
    *,
    decay: float = 0.94,
    scenarios: int = 10_000,
    freedom: float = math.inf,
    seed: int = 0,
) -> TailRisk:
    """The tail of a series of profits of one period each, oldest first.

    profits: float64. decay: of the volatility, for `filtered`. scenarios, freedom (of Student's t; infinite:
    normal), seed: for `monte_carlo`, which draws with the mean and deviation of the series.

    Raises:
        ValueError: an unknown method, too few profits, a NaN, or a confidence outside (0, 1).
    """
    values = np.ascontiguousarray(profits, np.float64)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
    if len(values) < 2 or np.isnan(values).any():
        raise ValueError("value at risk needs at least two profits, none of them NaN")
    if method == "historical":
        return TailRisk(*FastRiskEngine.historical_var(values, confidence))
    if method == "parametric":
        return TailRisk(*FastRiskEngine.parametric_var(values, confidence))
    if method == "cornish_fisher":
        return TailRisk(*cornish_fisher(values, confidence))
    if method == "filtered":
        return TailRisk(*filtered_historical(values, confidence, decay))
    mean, variance = np.array([values.mean()]), np.array([[values.var(ddof=1)]])
    drawn = monte_carlo(mean, variance, np.ones(1), scenarios, seed, freedom)
    return TailRisk(*FastRiskEngine.historical_var(drawn, confidence))


def portfolio_risk(
    exposures: Any,
    returns: Any,
    confidence: float = 0.99,
    method: Method = "historical",
    **options: Any,
) -> TailRisk:
    """The tail of a portfolio held now, over past returns of its symbols.

    exposures: (symbols,), in currency units. returns: (periods, symbols), oldest first. `options` are those
    of `value_at_risk`.
    """
    held = np.ascontiguousarray(exposures, np.float64)
    moves = np.ascontiguousarray(returns, np.float64)
    return value_at_risk(FastRiskEngine.profits(moves, held), confidence, method, **options)
