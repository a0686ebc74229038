"""The speed of cift.risk: 10,000 scenarios of 100 positions (target: 5 ms), beside NumPy in the same run.

python -m bench.risk
"""

import time
from collections.abc import Callable

import numpy as np

from cift.risk import METHODS, portfolio_risk

SCENARIOS, POSITIONS, ROUNDS, SEED = 10_000, 100, 30, 20_261_130


def best_ms(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return min(times) / 1e6


def main() -> None:
    rng = np.random.default_rng(SEED)
    returns = rng.standard_t(4, (SCENARIOS, POSITIONS)) * 0.01
    held = rng.normal(0, 10_000, POSITIONS)

    def numpy_tail() -> float:
        profits = returns @ held
        worst = np.partition(profits, 100)[:101]
        return float(-worst[:100].mean())

    assert np.isclose(portfolio_risk(held, returns).expected_shortfall, numpy_tail())
    print(f"{SCENARIOS:,} scenarios × {POSITIONS} positions, VaR and ES")
    for method in METHODS:
        took = best_ms(lambda method=method: portfolio_risk(held, returns, 0.99, method))
        print(f"{method:18} {took:7.2f} ms")
    print(f"{'NumPy, historical':18} {best_ms(numpy_tail):7.2f} ms")


if __name__ == "__main__":
    main()
