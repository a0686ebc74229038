"""What each position adds to the risk; exposure and concentration; beta."""

import math
from typing import Any, NamedTuple

import numpy as np
from cift_core import FastRiskEngine


class Contributions(NamedTuple):
    """marginal: change of the VaR a currency unit of exposure. component: exposure × marginal; the components
    sum to the VaR (Euler; Jorion, "Value at Risk", 2006, chapter 7)."""

    value_at_risk: float
    marginal: Any
    component: Any


def contributions(exposures: Any, covariance: Any, confidence: float = 0.99) -> Contributions:
    """The parametric VaR of a mean of zero, by position. exposures: (symbols,); covariance: of the returns.

    Raises:
        ValueError: sizes differ, or the variance of the portfolio is negative.
    """
    held, matrix = np.asarray(exposures, np.float64), np.asarray(covariance, np.float64)
    if matrix.shape != (len(held), len(held)):
        raise ValueError(f"covariance must have the shape {(len(held), len(held))}, got {matrix.shape}")
    against = matrix @ held
    variance = float(held @ against)
    if not variance >= 0.0:
        raise ValueError(f"the variance of the portfolio is {variance}: this is no covariance")
    # A sample of deviation 1 and mean 0 has the VaR of its quantile.
    unit, _ = FastRiskEngine.parametric_var(np.array([-1.0, 1.0]) / math.sqrt(2.0), confidence)
    deviation = math.sqrt(variance)
    marginal = unit * against / deviation if deviation > 0.0 else np.zeros(len(held))
    return Contributions(unit * deviation, marginal, held * marginal)


class Concentration(NamedTuple):
    """gross, net, largest: currency units. herfindahl: Σ of squared shares of gross, 1/n to 1; 0 if empty."""

    gross: float
    net: float
    largest: float
    herfindahl: float
    leverage: float


def concentration(exposures: Any, equity: float) -> Concentration:
    """Exposure and concentration of a portfolio. leverage: gross / equity, inf without equity."""
    held = np.abs(np.asarray(exposures, np.float64))
    gross = float(held.sum())
    return Concentration(
        gross=gross,
        net=float(np.sum(exposures)),
        largest=float(held.max(initial=0.0)),
        herfindahl=float(((held / gross) ** 2).sum()) if gross > 0.0 else 0.0,
        leverage=gross / equity if equity > 0.0 else (math.inf if gross > 0.0 else 0.0),
    )


def beta(returns: Any, market: Any) -> float:
    """Slope of the returns on those of the market; NaN if the market did not move."""
    x, y = np.asarray(market, np.float64), np.asarray(returns, np.float64)
    centred = x - x.mean()
    squares = float(centred @ centred)
    return float(centred @ (y - y.mean())) / squares if squares > 0.0 else math.nan
