"""Stress tests: the profit of a portfolio in named historical shocks, and in scenarios of one's own."""

from collections.abc import Mapping
from types import MappingProxyType

SHOCKS: Mapping[str, float] = MappingProxyType(
    {
        "black_monday_1987_10_19": -0.2047,
        "lehman_2008_10_15": -0.0903,
        "covid_2020_03_16": -0.1198,
    }
)
"""Returns of the S&P 500 on one day, close to close."""


def stress(
    exposures: Mapping[str, float],
    scenario: Mapping[str, float] | None = None,
    *,
    market: float = 0.0,
    betas: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """The profit of each position: `scenario` gives moves of symbols, all others move by beta × market.

    exposures: currency units; moves are fractions. A symbol without a beta has the beta 1.

    Raises:
        ValueError: a move is below −1: a price cannot fall by more than all of it.
    """
    moves = {
        symbol: (scenario or {}).get(symbol, (betas or {}).get(symbol, 1.0) * market) for symbol in exposures
    }
    for symbol, move in moves.items():
        if not move >= -1.0:
            raise ValueError(f"the move of {symbol} must be at least -1, got {move}")
    return {symbol: held * moves[symbol] for symbol, held in exposures.items()}
