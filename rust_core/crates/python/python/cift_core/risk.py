"""Models of value at risk over NumPy arrays. `help()` of each describes formulas and units."""

from cift_core._cift_core import cornish_fisher, filtered_historical, monte_carlo

__all__ = ["cornish_fisher", "filtered_historical", "monte_carlo"]
