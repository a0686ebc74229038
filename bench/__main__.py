"""Every figure, one after the other: `make bench`, or `python -m bench [engine core durable http …]`.

Nothing here passes or fails: what misses what was wanted is printed as plainly as what meets it. A
shared machine is noisy, so read the ratios of one run, not its absolute numbers.
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
    "matchd",
    "-p",
    "relay",
    "--bins",
]


def binaries() -> Path:
    """Where cargo puts release binaries (CARGO_TARGET_DIR moves them)."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "rust_core" / "target") / "release"


def commands() -> dict[str, tuple[str, list[str]]]:
    """Title and command of each part, in the order they run."""
    nats_server = Path(sys.executable).parent / "nats-server"
    durable = [str(binaries() / "bench_matchd"), "--nats-server", str(nats_server)]
    return {
        "engine": ("The engine alone", [str(binaries() / "cift-bench-engine")]),
        "core": ("cift_core from Python", [sys.executable, "-m", "bench.core", "--rust"]),
        "durable": (
            "matchd through JetStream, durable (wanted: ≥ 150,000 orders/s in requests of 100)",
            durable,
        ),
        "http": ("An order over HTTP", [sys.executable, "-m", "bench.http_orders"]),
        "streams": (
            "Live streams, from the feed to thousands of clients",
            [sys.executable, "-m", "bench.streams"],
        ),
        "busy_feed": ("An order beside a busy feed", [sys.executable, "-m", "bench.busy_feed"]),
        "market_data": (
            "The market data plane: ticks into the stores, bars and history out of them",
            [sys.executable, "-m", "bench.market_data"],
        ),
        "cold": ("Each function woken from zero", [sys.executable, "-m", "bench.cold_start"]),
        "growth": ("What accounts and orders add", [sys.executable, "-m", "bench.growth"]),
        "cluster": (
            "The release on a cluster (make test-cluster KEEP=1 leaves one up)",
            [sys.executable, "-m", "bench.cluster"],
        ),
        "relay": ("A backlog of 100,000 events, drained from zero", [sys.executable, "-m", "bench.relay"]),
    }


def main() -> int:
    parts = commands()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"{', '.join(parts)} (default: all but cluster)"
    )
    chosen = parser.parse_args().parts or [name for name in parts if name != "cluster"]
    if unknown := [name for name in chosen if name not in parts]:
        parser.error(f"no such part: {', '.join(unknown)} (there are {', '.join(parts)})")
    subprocess.run(BUILD, cwd=ROOT / "rust_core", check=True, timeout=TIMEOUT_S)
    failed = 0
    for name in chosen:
        title, command = parts[name]
        print(f"\n── {title}", flush=True)
        try:
            failed |= subprocess.run(command, cwd=ROOT, check=False, timeout=TIMEOUT_S).returncode != 0
        except subprocess.TimeoutExpired:
            print(f"not finished within {TIMEOUT_S} s", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
