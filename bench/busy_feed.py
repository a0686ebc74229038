"""The effect of a busy feed on an order: latency over HTTP with a feed of 10,000 ticks a second, and without.

    python -m bench.busy_feed [--json] [--seconds 4]

The market process of one exchange replays a synthetic recording (20 symbols, half prints, half quotes) at
original speed: raw ticks go to the stream TICKS, conflated ones to the engine. The load of
`bench.http_orders` runs alternately with the market process running and stopped (SIGSTOP). Load, feed,
engine and functions share this machine's cores, so part of the difference is the CPU that the feed uses.
The exit code is always 0.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import http_orders  # noqa: E402
from bench.streams import value_of  # noqa: E402

TICKS_PER_S = 10_000
RECORDED_S = 300
SYMBOLS = 20
BEGIN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
SETTLE_S = 2.0
TICKS_TOTAL = 'cift_feed_ticks_total{feed="replay"}'


def dollars(cents: Any) -> Any:
    import polars as pl

    return cents.cast(pl.Decimal(18, 2)) / 100


def record(file: Path) -> None:
    """Write the recording: prints and quotes alternate, evenly spaced in time."""
    import polars as pl

    n = pl.int_range(TICKS_PER_S * RECORDED_S)
    round_of = n // SYMBOLS
    cents = 10_000 + (round_of * 7_919) % 11
    printed, quoted = pl.when(round_of % 2 == 0), pl.when(round_of % 2 == 1)
    pl.select(
        time=BEGIN + pl.duration(microseconds=n * (10**6 // TICKS_PER_S)),
        symbol=pl.format("TICK{}", n % SYMBOLS),
        price=printed.then(dollars(cents)),
        size=printed.then(100),
        bid=quoted.then(dollars(cents - 1)),
        bid_size=quoted.then(500),
        ask=quoted.then(dollars(cents + 1)),
        ask_size=quoted.then(500),
    ).write_parquet(file)


def ticks_published(stack: Any) -> float:
    import httpx

    return value_of(httpx.get(f"http://{stack.run_file['market_metrics']}/metrics").text, TICKS_TOTAL)


def run(seconds: float) -> dict[str, Any]:
    from tests.stack import Stack, eventually

    rounds: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="cift-bench-") as folder:
        recording = Path(folder) / "busy.parquet"
        record(recording)
        settings = {"market": "replay", "speed": "1", "sample": str(recording)}
        with Stack.start(Path(folder) / "data", **settings) as stack:
            orders = http_orders.orders(stack)
            eventually(lambda: ticks_published(stack) > TICKS_PER_S, "the feed publishes", 60)
            market = stack.pid("market")
            for clients in http_orders.CLIENTS:
                plan = orders | {"clients": clients, "seconds": seconds}
                for _ in range(http_orders.ROUNDS):
                    for name, number in (("none", signal.SIGSTOP), ("busy", signal.SIGCONT)):
                        os.kill(market, number)
                        time.sleep(SETTLE_S)
                        before = ticks_published(stack) if name == "busy" else 0.0
                        began = time.perf_counter()
                        found = http_orders.measure(plan)
                        if name == "busy":
                            took = time.perf_counter() - began
                            found["ticks_per_s"] = (ticks_published(stack) - before) / took
                        rounds.setdefault(f"{name}/{clients}", []).append(found)
    return http_orders.medians(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=4.0, help="duration of each round's load")
    given = parser.parse_args()
    found = run(given.seconds)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    print(f"an order over HTTP, with and without a feed (all on the same {os.cpu_count()} cores; medians)")
    print(f"{'':31}{'orders/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'ticks/s':>10}")
    for clients in http_orders.CLIENTS:
        for name, label in (("none", "feed stopped"), ("busy", "feed running")):
            r = found[f"{name}/{clients}"]
            figures = f"{r['per_second']:10,.0f}{r['p50_ms']:9.2f}{r['p99_ms']:9.2f}"
            print(f"{clients:3} clients  {label:19}{figures}{r.get('ticks_per_s', 0):10,.0f}")


if __name__ == "__main__":
    main()
