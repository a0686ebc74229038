"""Does a model of value at risk hold? Tests on the days on which the loss exceeded it.

Sources: Kupiec, Journal of Derivatives 3 (1995): as many exceedances as promised? Christoffersen,
International Economic Review 39 (1998): as many, and independent of each other?
"""

import math
from typing import Any, NamedTuple

import numpy as np


class Kupiec(NamedTuple):
    """statistic: the likelihood ratio. p_value: of its χ² distribution; below 0.05 the model is rejected."""

    exceedances: int
    statistic: float
    p_value: float


def kupiec(exceeded: Any, confidence: float) -> Kupiec:
    """Unconditional coverage, χ² with one degree. exceeded: booleans, one a period.

    Raises:
        ValueError: there is no period, or the confidence is outside (0, 1).
    """
    hits = np.asarray(exceeded, bool)
    if not len(hits) or not 0.0 < confidence < 1.0:
        raise ValueError("a back-test needs at least one period and a confidence between 0 and 1")
    count, days, promised = int(hits.sum()), len(hits), 1.0 - confidence
    expected = _log_likelihood(count, days - count, promised)
    statistic = 2.0 * (_log_likelihood(count, days - count, count / days) - expected)
    return Kupiec(count, statistic, math.erfc(math.sqrt(max(statistic, 0.0) / 2.0)))


def christoffersen(exceeded: Any, confidence: float) -> Kupiec:
    """Conditional coverage, χ² with two degrees: Kupiec's statistic plus that of independence.

    Independence compares the frequency after a period with an exceedance to that after one without.
    """
    hits = np.asarray(exceeded, bool)
    coverage = kupiec(hits, confidence)
    before, after = hits[:-1], hits[1:]
    counts = [[int((after[before == was] == now).sum()) for now in (False, True)] for was in (False, True)]
    separate = sum(_log_likelihood(hit, miss, hit / max(hit + miss, 1)) for miss, hit in counts)
    misses, found = counts[0][0] + counts[1][0], counts[0][1] + counts[1][1]
    together = _log_likelihood(found, misses, found / max(found + misses, 1))
    statistic = coverage.statistic + 2.0 * (separate - together)
    return Kupiec(coverage.exceedances, statistic, math.exp(-max(statistic, 0.0) / 2.0))


def _log_likelihood(hits: int, misses: int, probability: float) -> float:
    """hits·ln p + misses·ln(1 − p), with 0·ln 0 = 0."""
    one = hits * math.log(probability) if hits else 0.0
    return one + (misses * math.log1p(-probability) if misses else 0.0)
