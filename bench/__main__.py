"""Run all benchmarks one after the other: `make bench`, or `python -m bench [engine core durable http …]`.

Benchmarks print figures and targets; they do not pass or fail. A shared machine is noisy, so compare the
ratios within one run, not absolute numbers.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 1_200
BUILD = [
    "cargo",
    "build",
    "--quiet",
    "--locked",
    "--release",
    "-p",
    "cift-sim",
    "-p",
    "cift-abi",
    "-p",
    "matchd",
    "-p",
    "relay",
    "--bins",
    "--lib",
]


def binaries() -> Path:
    """The folder of cargo's release binaries (CARGO_TARGET_DIR changes it)."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "rust_core" / "target") / "release"


def commands() -> dict[str, tuple[str, list[str]]]:
    """Title and command of each benchmark, in the order they run."""
    nats_server = Path(sys.executable).parent / "nats-server"
    durable = [str(binaries() / "bench_matchd"), "--nats-server", str(nats_server)]
    return {
        "engine": ("The engine alone", [str(binaries() / "cift-bench-engine")]),
        "engines": (
            "Our book and engine beside other matching engines, behind one C ABI",
            [sys.executable, "-m", "bench.matching_engines"],
        ),
        "core": ("cift_core from Python", [sys.executable, "-m", "bench.core", "--rust"]),
        "features": ("Features beside TA-Lib", [sys.executable, "-m", "bench.features"]),
        "backtest": ("Backtests, in ticks a second", [sys.executable, "-m", "bench.backtest"]),
        "risk": ("Risk of a portfolio", [sys.executable, "-m", "bench.risk"]),
        "durable": (
            "matchd through JetStream, durable (target: ≥ 150,000 orders/s in requests of 100)",
            durable,
        ),
        "http": ("An order over HTTP", [sys.executable, "-m", "bench.http_orders"]),
        "streams": (
            "Live streams, from the feed to thousands of clients",
            [sys.executable, "-m", "bench.streams"],
        ),
        "busy_feed": ("An order over HTTP while a feed is busy", [sys.executable, "-m", "bench.busy_feed"]),
        "market_data": (
            "Market data: writing ticks to the stores, reading bars and history from them",
            [sys.executable, "-m", "bench.market_data"],
        ),
        "cold": ("A cold start of each function", [sys.executable, "-m", "bench.cold_start"]),
        "own_writes": ("Reading one's own write", [sys.executable, "-m", "bench.own_writes"]),
        "idle": ("CPU and memory of an idle exchange", [sys.executable, "-m", "bench.idle"]),
        "dashboard": (
            "The dashboard in Chromium: first load, frames under load",
            [sys.executable, "-m", "bench.dashboard"],
        ),
        "growth": ("Bytes added by each account and order", [sys.executable, "-m", "bench.growth"]),
        "cluster": (
            "The release on a cluster (make test-cluster KEEP=1 leaves one running)",
            [sys.executable, "-m", "bench.cluster"],
        ),
        "relay": (
            "Draining a backlog of 100,000 events after a cold start",
            [sys.executable, "-m", "bench.relay"],
        ),
    }


def main() -> int:
    parts = commands()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"{', '.join(parts)} (default: all except cluster)"
    )
    chosen = parser.parse_args().parts or [name for name in parts if name != "cluster"]
    if unknown := [name for name in chosen if name not in parts]:
        parser.error(f"unknown part: {', '.join(unknown)} (parts are {', '.join(parts)})")
    subprocess.run(BUILD, cwd=ROOT / "rust_core", check=True, timeout=TIMEOUT_S)
    failed = 0
    for name in chosen:
        title, command = parts[name]
        print(f"\n{title}\n{'-' * len(title)}", flush=True)
        try:
            failed |= subprocess.run(command, cwd=ROOT, check=False, timeout=TIMEOUT_S).returncode != 0
        except subprocess.TimeoutExpired:
            print(f"stopped: not finished within {TIMEOUT_S} s", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
