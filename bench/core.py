"""The speed of cift_core from Python. Each figure is printed next to its target and a baseline.

    python -m bench.core [--json] [--rust]

A figure is the best of several rounds. In each round cift_core and the baseline alternate, so that other load
on the machine affects both. Every baseline must first return the same result. `--rust` adds the figures of
`cargo bench -p cift-analytics`, which involve no Python. The exit code is always 0.

Baselines: Numba with fastmath for loops over arrays, NumPy where it is the obvious choice, an order book in
plain Python (dicts, deques and heaps), risk checks in plain Python, the standard library's json for messages.
"""

import argparse
import heapq
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from cift_core import FastMarketData, FastOrderBook, FastRiskEngine, wire

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "rust_core" / "crates" / "wire" / "vectors"
# Many short rounds: on a busy machine only a round shorter than a time slice is not interrupted.
ROUNDS = 25
POINTS = 1_000
ORDERS = 20_000
RUST_TIMEOUT_S = 600
SEED = 20_261_121


@dataclass
class Figure:
    name: str
    ns: float
    target_ns: float | None
    baseline: str
    baseline_ns: float


def calls(call: Callable[[], object], number: int) -> Callable[[], float]:
    """A function that measures one round: ns a call, including the loop itself (about 20 ns)."""

    def once() -> float:
        repeat = range(number)
        start = time.perf_counter_ns()
        for _ in repeat:
            call()
        return (time.perf_counter_ns() - start) / number

    return once


def best_of_both(ours: Callable[[], float], baseline: Callable[[], float]) -> tuple[float, float]:
    rounds = [(ours(), baseline()) for _ in range(ROUNDS)]
    return min(one for one, _ in rounds), min(other for _, other in rounds)


@numba.njit(fastmath=True)
def numba_vwap(prices: Any, volumes: Any) -> float:
    notional = 0.0
    volume = 0.0
    for i in range(prices.shape[0]):
        notional += prices[i] * volumes[i]
        volume += volumes[i]
    return notional / volume


@numba.njit(fastmath=True)
def numba_ofi(bids: Any, bid_sizes: Any, asks: Any, ask_sizes: Any) -> float:
    total = 0.0
    for i in range(1, bids.shape[0]):
        if bids[i] >= bids[i - 1]:
            total += bid_sizes[i]
        if bids[i] <= bids[i - 1]:
            total -= bid_sizes[i - 1]
        if asks[i] <= asks[i - 1]:
            total -= ask_sizes[i]
        if asks[i] >= asks[i - 1]:
            total += ask_sizes[i - 1]
    return total


def market_figures(rng: np.random.Generator) -> list[Figure]:
    prices = 100 + rng.random(POINTS)
    volumes = 1 + 100 * rng.random(POINTS)
    asks, ask_sizes = prices + 0.01, 1 + 100 * rng.random(POINTS)
    quotes = prices, volumes, asks, ask_sizes
    vwap, ofi = FastMarketData.vwap, FastMarketData.ofi
    assert np.isclose(vwap(prices, volumes), numba_vwap(prices, volumes))
    assert np.isclose(ofi(*quotes), numba_ofi(*quotes))
    number = 3_000
    figures = []
    ours, baseline = best_of_both(
        calls(lambda: vwap(prices, volumes), number), calls(lambda: numba_vwap(prices, volumes), number)
    )
    figures.append(Figure(f"VWAP of {POINTS:,} points", ours, None, "Numba fastmath", baseline))
    ours, baseline = best_of_both(
        calls(lambda: ofi(*quotes), number), calls(lambda: numba_ofi(*quotes), number)
    )
    figures.append(Figure(f"OFI of {POINTS:,} quotes", ours, None, "Numba fastmath", baseline))
    returns = rng.standard_t(3, 10_000) * 0.01
    tail = FastRiskEngine.historical_var

    def numpy_tail() -> tuple[float, float]:
        worst = np.partition(returns, 100)[:101]
        return -worst[100], -worst[:100].mean()

    assert np.allclose(tail(returns, 0.99), numpy_tail())
    ours, baseline = best_of_both(calls(lambda: tail(returns, 0.99), 20), calls(numpy_tail, 20))
    figures.append(Figure("historical VaR and ES of 10,000", ours, None, "NumPy partition", baseline))
    return figures


class PlainBook:
    """An order book in plain Python: for each side a heap of prices and a dict of queues."""

    def __init__(self) -> None:
        self.queues: dict[bool, dict[float, deque[list[float]]]] = {True: {}, False: {}}
        self.heaps: dict[bool, list[float]] = {True: [], False: []}
        self.fills: list[tuple[int, int, float, float]] = []

    def add_limit(self, id: int, buys: bool, price: float, quantity: float) -> None:
        sign = 1.0 if buys else -1.0
        queues, heap = self.queues[not buys], self.heaps[not buys]
        # Heaps hold sign·price, so that the best price comes first: the lowest ask, or the highest bid.
        while quantity and heap and heap[0] <= sign * price:
            best = sign * heap[0]
            queue = queues[best]
            while quantity and queue:
                maker = queue[0]
                lots = min(quantity, maker[1])
                self.fills.append((id, int(maker[0]), best, lots))
                quantity -= lots
                maker[1] -= lots
                if not maker[1]:
                    queue.popleft()
            if not queue:
                del queues[best]
                heapq.heappop(heap)
        if quantity:
            own = self.queues[buys]
            if price not in own:
                own[price] = deque()
                heapq.heappush(self.heaps[buys], -sign * price)
            own[price].append([id, quantity])


def book_figures(rng: np.random.Generator) -> list[Figure]:
    walk = 500 + np.cumsum(rng.normal(0, 0.002, ORDERS)) + rng.normal(0, 0.05, ORDERS)
    prices, quantities = np.round(walk, 2), np.floor(1 + 99 * rng.random(ORDERS))
    sides = np.where(rng.random(ORDERS) < 0.5, 1, -1).astype(np.int8)
    ids = np.arange(ORDERS, dtype=np.int64)
    names = ["buy" if side == 1 else "sell" for side in sides]
    rows = list(zip(ids.tolist(), names, prices.tolist(), quantities.tolist(), strict=True))
    plain_rows = [(id, name == "buy", price, quantity) for id, name, price, quantity in rows]

    def batch() -> float:
        book = FastOrderBook()
        start = time.perf_counter_ns()
        book.add_orders(prices, quantities, sides, ids)
        return (time.perf_counter_ns() - start) / ORDERS

    def single() -> float:
        add = FastOrderBook().add_limit
        start = time.perf_counter_ns()
        for id, side, price, quantity in rows:
            add(id, side, price, quantity)  # type: ignore[arg-type]
        return (time.perf_counter_ns() - start) / ORDERS

    def plain() -> float:
        add = PlainBook().add_limit
        start = time.perf_counter_ns()
        for id, buys, price, quantity in plain_rows:
            add(id, buys, price, quantity)
        return (time.perf_counter_ns() - start) / ORDERS

    def cancels() -> float:
        book = FastOrderBook()
        far = np.where(sides == 1, 400.0, 600.0)
        book.add_orders(far, quantities, sides, ids)
        cancel = book.cancel
        start = time.perf_counter_ns()
        for id, *_ in rows:
            cancel(id)
        return (time.perf_counter_ns() - start) / ORDERS

    def plain_cancels() -> float:
        resting = {id: row for id, *row in rows}
        cancel = resting.pop
        start = time.perf_counter_ns()
        for id, *_ in rows:
            cancel(id)
        return (time.perf_counter_ns() - start) / ORDERS

    baseline = PlainBook()
    for row in plain_rows:
        baseline.add_limit(*row)
    fills = FastOrderBook().add_orders(prices, quantities, sides, ids)
    assert [tuple(fill)[:4] for fill in fills.tolist()] == baseline.fills
    share = len({fill[0] for fill in baseline.fills}) / ORDERS
    figures = []
    ours, other = best_of_both(batch, plain)
    figures.append(
        Figure(f"order in a batch ({share:.0%} match immediately)", ours, 100, "Python dict book", other)
    )
    ours, other = best_of_both(single, plain)
    figures.append(Figure("order by a single call", ours, 500, "Python dict book", other))
    ours, other = best_of_both(cancels, plain_cancels)
    figures.append(Figure("cancel by a single call", ours, 500, "bare dict.pop", other))
    return figures


LIMITS = {
    "max_order_quantity": 1e4,
    "max_order_notional": 1e6,
    "max_position": 1e5,
    "max_leverage": 4.0,
    "max_daily_loss": 1e4,
    "price_band": 0.1,
}


class PlainRisk:
    """The same checks on dicts. Equity and gross exposure are precomputed."""

    def __init__(self) -> None:
        self.accounts = {"ann": LIMITS | {"equity": 1e6, "gross": 0.0, "day_start": 1e6}}
        self.marks = {"SPY": 500.0}
        self.positions: dict[tuple[str, str], float] = {}

    def check(self, account: str, symbol: str, side: str, quantity: float, price: float) -> str | None:
        known = self.accounts.get(account)
        if known is None:
            return "unknown_account"
        mark = self.marks.get(symbol)
        if mark is None:
            return "unknown_symbol"
        if quantity > known["max_order_quantity"]:
            return "order_quantity_limit"
        if quantity * price > known["max_order_notional"]:
            return "order_notional_limit"
        if abs(price - mark) > known["price_band"] * mark:
            return "price_outside_band"
        held = self.positions.get((account, symbol), 0.0)
        after = held + quantity if side == "buy" else held - quantity
        increase = abs(after) - abs(held)
        if increase > 0:
            if abs(after) > known["max_position"]:
                return "position_limit"
            if known["day_start"] - known["equity"] >= known["max_daily_loss"]:
                return "daily_loss_limit"
            if known["gross"] + increase * mark > known["equity"] * known["max_leverage"]:
                return "leverage_limit"
        return None


def risk_figures(rng: np.random.Generator) -> list[Figure]:
    risk, plain = FastRiskEngine(), PlainRisk()
    account = risk.add_account("ann", 1e6, **LIMITS)
    symbol = risk.set_mark("SPY", 500.0)
    quantities = np.floor(1 + 3_000 * rng.random(ORDERS))
    prices = 500 + 60 * (rng.random(ORDERS) - 0.5) * 2
    sides = np.where(rng.random(ORDERS) < 0.5, 1, -1).astype(np.int8)
    accounts, symbols = np.full(ORDERS, account), np.full(ORDERS, symbol)

    def plain_batch() -> list[str | None]:
        check = plain.check
        sided = zip(sides.tolist(), quantities.tolist(), prices.tolist(), strict=True)
        return [check("ann", "SPY", "buy" if side == 1 else "sell", q, p) for side, q, p in sided]

    codes = risk.check_orders(accounts, symbols, sides, quantities, prices)
    assert [risk.REASONS[code] for code in codes] == [reason or "admitted" for reason in plain_batch()]
    check, plain_check = risk.check, plain.check
    figures = []
    ours, baseline = best_of_both(
        calls(lambda: check("ann", "SPY", "buy", 10.0, 500.0), 5_000),
        calls(lambda: plain_check("ann", "SPY", "buy", 10.0, 500.0), 5_000),
    )
    figures.append(Figure("risk check by a single call", ours, 500, "Python dict checks", baseline))
    ours, baseline = best_of_both(
        calls(lambda: risk.check_orders(accounts, symbols, sides, quantities, prices), 5),
        calls(plain_batch, 1),
    )
    figures.append(
        Figure("risk check in a batch", ours / ORDERS, 100, "Python dict checks", baseline / ORDERS)
    )
    return figures


def wire_figures() -> list[Figure]:
    record, meant = (VECTORS / "record.bin").read_bytes(), (VECTORS / "record.json").read_text()
    events = sum(len(entry["events"]) for entry in json.loads(meant)["entries"])
    batch = wire.decode_commands((VECTORS / "commands.bin").read_bytes()) * 25
    figures = []
    ours, baseline = best_of_both(
        calls(lambda: wire.decode_record(record), 500), calls(lambda: json.loads(meant), 500)
    )
    figures.append(
        Figure("decoding a record, each event", ours / events, 1e9 / 300_000, "json.loads", baseline / events)
    )
    ours, baseline = best_of_both(
        calls(lambda: wire.encode_commands(batch), 20), calls(lambda: json.dumps(batch).encode(), 20)
    )
    figures.append(
        Figure(
            "encoding 100 commands, each",
            ours / len(batch),
            1e9 / 300_000,
            "json.dumps",
            baseline / len(batch),
        )
    )
    return figures


def rust_figures() -> str:
    done = subprocess.run(
        ["cargo", "bench", "--quiet", "--package", "cift-analytics"],
        cwd=ROOT / "rust_core",
        capture_output=True,
        text=True,
        timeout=RUST_TIMEOUT_S,
        check=False,
    )
    return done.stdout if done.returncode == 0 else f"cargo bench failed:\n{done.stderr}"


def table(figures: list[Figure]) -> str:
    lines = [
        f"{'cift_core from Python':<44}{'ns':>10}{'target':>12}  {'':7}{'baseline':20}{'ns':>10}{'ratio':>8}"
    ]
    for each in figures:
        target = "" if each.target_ns is None else f"< {each.target_ns:,.0f}"
        limit = each.target_ns if each.target_ns is not None else each.baseline_ns
        verdict = "met" if each.ns < limit else "MISSED"
        lines.append(
            f"{each.name:<44}{each.ns:>10,.1f}{target or '< baseline':>12}  {verdict:<7}"
            f"{each.baseline:<20}{each.baseline_ns:>10,.1f}{each.baseline_ns / each.ns:>7.1f}×"
        )
    return "\n".join(lines)


def measure() -> list[Figure]:
    rng = np.random.default_rng(SEED)
    return [*market_figures(rng), *book_figures(rng), *risk_figures(rng), *wire_figures()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--rust", action="store_true", help="also cargo bench -p cift-analytics")
    options = parser.parse_args()
    figures = measure()
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        print(
            f"best of {ROUNDS} rounds, seed {SEED}, Python {sys.version.split()[0]}, NumPy {np.__version__}"
        )
        print(table(figures))
    if options.rust:
        print(rust_figures(), file=sys.stderr if options.json else sys.stdout)


if __name__ == "__main__":
    main()
