"""Latency and throughput of an order over HTTP, from the request to the durable response, next to a baseline.

    python -m bench.http_orders [--json] [--seconds 6]

CIFT: POST /api/v1/trading/orders of a whole exchange with default settings except for rate limits. The
response comes after the journal's fsync. Buys and sells have one price, so most of them trade. Projectors
run at the same time, in the same process. The baseline: a plain FastAPI endpoint on uvicorn with uvloop
and httptools, which validates the same body and inserts one row with asyncpg into the same PostgreSQL
(also durable, but without engine and credentials). The load comes from a separate process (raw sockets,
keep-alive) on the same cores. The exit code is always 0.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WARM_UP_S = 1.0
BODIES = [
    {"symbol": "BENCH", "side": side, "type": "limit", "quantity": "1", "limit_price": "100.00"}
    for side in ("buy", "sell")
]
ROUNDS = 3
CLIENTS = (1, 16)
TARGETS = {1: "p50 < 2 ms, p99 < 6 ms", 16: ">= 3,000/s"}
ACCOUNTS = 2 * max(CLIENTS)


def request_bytes(port: int, path: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(data)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


async def client(port: int, requests: list[bytes], until: float, took: list[float]) -> None:
    """One connection that sends one request after the other until `until`, and appends latencies to
    `took`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while (started := time.perf_counter()) < until:
        writer.write(requests[number % len(requests)])
        number += 1
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 201"), head
        at = head.lower().index(b"content-length:") + 15
        await reader.readexactly(int(head[at : head.index(b"\r", at)]))
        took.append(time.perf_counter() - started)
    writer.close()


def load(plan: dict[str, Any]) -> None:
    """The load process, `bench.http_orders --load PLAN`. Prints a summary of the latencies as JSON."""
    import gc

    import uvloop

    buy, sell = BODIES
    headers = plan["headers"]

    def of_client(number: int) -> list[bytes]:
        """The requests that one client repeats: its two accounts trade with each other in both directions."""
        one, two = headers[2 * number % len(headers)], headers[(2 * number + 1) % len(headers)]
        return [
            request_bytes(plan["port"], plan["path"], sender, body)
            for sender, body in ((one, buy), (two, sell), (two, buy), (one, sell))
        ]

    async def run(seconds: float) -> tuple[list[float], float]:
        took: list[float] = []
        began = time.perf_counter()
        jobs = [client(plan["port"], of_client(n), began + seconds, took) for n in range(plan["clients"])]
        await asyncio.gather(*jobs)
        return took, time.perf_counter() - began

    async def warm_up_and_run() -> tuple[list[float], float]:
        await run(WARM_UP_S)
        gc.collect()
        gc.disable()
        return await run(plan["seconds"])

    took, seconds = uvloop.run(warm_up_and_run())
    took.sort()
    print(
        json.dumps(
            {
                "orders": len(took),
                "per_second": len(took) / seconds,
                "p50_ms": took[len(took) // 2] * 1000,
                "p99_ms": took[int(len(took) * 0.99)] * 1000,
                "p999_ms": took[int(len(took) * 0.999)] * 1000,
            }
        )
    )


def measure(plan: dict[str, Any]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--load", json.dumps(plan)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=plan["seconds"] + 60,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


BASELINE = """
import os, uuid
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Literal
import asyncpg, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

class Order(BaseModel):
    symbol: str
    side: Literal["buy", "sell"]
    type: Literal["market", "limit"]
    quantity: Decimal
    limit_price: Decimal | None = None

@asynccontextmanager
async def lifespan(app):
    app.state.pool = await asyncpg.create_pool(os.environ["BASELINE_URL"], min_size=8, max_size=16)
    await app.state.pool.execute(
        "CREATE TABLE IF NOT EXISTS baseline_orders (id uuid PRIMARY KEY, symbol text, side text, type text,"
        " quantity numeric(38,9), limit_price numeric(38,9), created_at timestamptz DEFAULT now())")
    yield
    await app.state.pool.close()

app = FastAPI(lifespan=lifespan)

@app.post("/orders", status_code=201)
async def place(order: Order):
    id = uuid.uuid4()
    await app.state.pool.execute(
        "INSERT INTO baseline_orders (id, symbol, side, type, quantity, limit_price)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        id, order.symbol, order.side, order.type, order.quantity, order.limit_price)
    return {"id": str(id), "status": "new", **order.model_dump(mode="json")}

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BASELINE_PORT"]), log_level="warning",
access_log=False, loop="uvloop", http="httptools")
"""


def start_baseline(database: str, port: int) -> "subprocess.Popen[bytes]":
    import httpx

    environment = {**os.environ, "BASELINE_URL": database, "BASELINE_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-c", BASELINE], env=environment)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/docs", timeout=2)
            return process
        except httpx.HTTPError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the baseline did not start within 20 s")


async def lift_limits(engine: Any, account: str) -> None:
    """Set limits that a benchmark does not reach."""
    limits = dict.fromkeys(("max_order_quantity", "max_order_notional", "max_position", "max_daily_loss"))
    limits |= {"max_open_orders": 10_000, "max_orders_per_second": 1_000_000, "leverage_percent": 200}
    await engine.submit({"type": "set_limits", "account": account, "limits": limits})


async def prepare(stack: Any, accounts: list[str]) -> None:
    """Define the instrument and lift the limits of the accounts."""
    from cift.platform.stores import Platform

    platform = Platform(stack.settings())
    nanos = 10**9
    try:
        await platform.engine.submit(
            {
                "type": "define_instrument",
                "symbol": "BENCH",
                "currency": "USD",
                "tick": nanos // 100,
                "lot": nanos,
                "band_ppm": 100_000,
                "collar_ppm": 20_000,
            }
        )
        for account in accounts:
            await lift_limits(platform.engine, account)
    finally:
        await platform.close()


def lag(stack: Any) -> float:
    """Seconds until the projectors have processed the whole journal, counted from now."""
    from cift.platform.stores import Platform

    async def wait() -> float:
        platform = Platform(stack.settings())
        try:
            _, last = await platform.nats.journal()
            began = time.perf_counter()
            while time.perf_counter() - began < 60:
                at = await platform.database.fetchval("SELECT min(sequence) FROM projector_offsets")
                if at >= last:
                    break
                await asyncio.sleep(0.01)
            return time.perf_counter() - began
        finally:
            await platform.close()

    return asyncio.run(wait())


def orders(stack: Any) -> dict[str, Any]:
    """Make users and the instrument. Returns the part of a load's plan that describes the exchange."""
    users = [stack.new_user() for _ in range(ACCOUNTS)]
    asyncio.run(prepare(stack, [user.account_id for user in users]))
    return {
        "port": int(stack.url.rsplit(":", 1)[1]),
        "path": "/api/v1/trading/orders",
        "headers": [user.key for user in users],
    }


def medians(rounds: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The median of each figure over the rounds of each name."""
    return {
        name: {figure: statistics.median(r[figure] for r in each) for figure in each[0]}
        for name, each in rounds.items()
    }


def run(seconds: float) -> dict[str, Any]:
    from cift.run.servers import free_port
    from tests.stack import Stack

    results: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="cift-bench-") as folder:
        with Stack.start(Path(folder) / "data") as stack:
            ours = orders(stack)
            baseline_port = free_port()
            baseline = start_baseline(stack.run_file["postgres_url"], baseline_port)
            try:
                for clients in CLIENTS:
                    plans = {
                        "ours": dict(ours),
                        "baseline": {"port": baseline_port, "path": "/orders", "headers": [{}]},
                    }
                    for name, plan in plans.items():
                        plan |= {"clients": clients, "seconds": seconds / ROUNDS}
                        results[f"{name}/{clients}"] = []
                    for _ in range(ROUNDS):  # alternately, so that other load affects both
                        for name, plan in plans.items():
                            found = measure(plan)
                            if name == "ours":
                                found["projected_after_s"] = lag(stack)
                            results[f"{name}/{clients}"].append(found)
            finally:
                baseline.terminate()
                baseline.wait(20)
    return medians(results)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=6.0, help="duration of the load for each figure")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load:
        load(json.loads(given.load))
        return
    results = run(given.seconds)
    if given.json:
        print(json.dumps(results, indent=2))
        return
    print(
        f"an order over HTTP until it is durable (all on {os.cpu_count()} cores; median of {ROUNDS} rounds)"
    )
    print(f"{'':43}{'orders/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}  target")
    for clients in CLIENTS:
        for name, label in (("ours", "CIFT"), ("baseline", "plain FastAPI + asyncpg insert")):
            r = results[f"{name}/{clients}"]
            figures = f"{r['per_second']:10,.0f}{r['p50_ms']:9.2f}{r['p99_ms']:9.2f}{r['p999_ms']:10.2f}"
            print(f"{clients:3} clients  {label:31}{figures}  {TARGETS[clients] if name == 'ours' else ''}")
        after = results[f"ours/{clients}"]["projected_after_s"]
        print(f"             the read model is complete {after * 1000:,.0f} ms after the last response")


if __name__ == "__main__":
    main()
