"""Reading one's own write: place an order, then list orders until the list has it.

    python -m bench.own_writes [--json] [--orders 300] [--beside 0]

A user places an order and reads its orders at once, one after the other. The read waits until the read model
includes the order. It prints the time of the write, and of the read after it; beside them the time of the
same read without a write before, which has nothing to wait for. With --beside, as many other clients place
orders without a pause meanwhile. The exit code is always 0.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WARM_UP = 30
ORDERS = "/api/v1/trading/orders"


def summary(took: list[float]) -> dict[str, float]:
    took = sorted(took)
    return {"p50_ms": took[len(took) // 2] * 1000, "p99_ms": took[int(len(took) * 0.99)] * 1000}


async def measure(stack: Any, count: int, beside: int) -> dict[str, dict[str, float]]:
    import httpx

    from bench.http_orders import BODIES, orders

    plan = await asyncio.to_thread(orders, stack)
    took: dict[str, list[float]] = {"write": [], "read after it": [], "read alone": []}
    ended = asyncio.Event()

    async def keep_placing(number: int) -> None:
        async with httpx.AsyncClient(
            base_url=stack.url, headers=plan["headers"][number], timeout=60
        ) as client:
            while not ended.is_set():
                (await client.post(ORDERS, json=BODIES[number % 2])).raise_for_status()

    async def reader() -> None:
        async with httpx.AsyncClient(base_url=stack.url, headers=plan["headers"][0], timeout=60) as client:
            for number in range(-WARM_UP, count):
                times = [time.perf_counter()]
                placed = await client.post(ORDERS, json=BODIES[0])
                times.append(time.perf_counter())
                listed = await client.get(ORDERS, params={"limit": 1})
                times.append(time.perf_counter())
                listed.raise_for_status()
                assert listed.json()["items"][0]["id"] == placed.json()["id"], "the read has the write"
                await client.get(ORDERS, params={"limit": 1})
                times.append(time.perf_counter())
                if number >= 0:
                    for name, (begin, end) in zip(took, pairwise(times), strict=True):
                        took[name].append(end - begin)
        ended.set()

    await asyncio.gather(reader(), *(keep_placing(number) for number in range(1, beside + 1)))
    return {name: summary(each) for name, each in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--beside", type=int, default=0, help="other clients that place orders meanwhile")
    given = parser.parse_args()
    from tests.stack import Stack

    with tempfile.TemporaryDirectory(prefix="cift-bench-") as folder:
        with Stack.start(Path(folder) / "data", clickhouse_url="none") as stack:
            found = asyncio.run(measure(stack, given.orders, given.beside))
    if given.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'':16}{'p50 ms':>10}{'p99 ms':>10}")
    for name, figures in found.items():
        print(f"{name:16}{figures['p50_ms']:10.2f}{figures['p99_ms']:10.2f}")


if __name__ == "__main__":
    main()
