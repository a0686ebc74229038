"""Risk of a portfolio: value at risk, contributions, back-tests of a model, stress, concentration.

Exposures are signed values held, in currency units; returns are fractions of a period; results are in
currency units, losses positive. Everything is linear in the returns, which is exact for shares and
currencies. The heavy loops are in Rust (`cift_core`).
"""

from cift.risk.backtests import Kupiec, christoffersen, kupiec
from cift.risk.portfolio import Concentration, Contributions, beta, concentration, contributions
from cift.risk.stress import SHOCKS, stress
from cift.risk.tail import METHODS, TailRisk, portfolio_risk, value_at_risk

__all__ = [
    "METHODS",
    "SHOCKS",
    "Concentration",
    "Contributions",
    "Kupiec",
    "TailRisk",
    "beta",
    "christoffersen",
    "concentration",
    "contributions",
    "kupiec",
    "portfolio_risk",
    "stress",
    "value_at_risk",
]
