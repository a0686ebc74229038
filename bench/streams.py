"""Latency of live streams from the feed to a client, and fan-out of one process to many clients.

    python -m bench.streams [--json] [--seconds 8] [--clients 1000 5000]

1. Feed → engine → journal → book → WebSocket: 10,000 ticks/s (half prints, half quotes) over 20 symbols
   into a whole exchange. One client receives trades and books of all. The latency is from the feed's call
   until the client has received the message.
2. Fan-out: prints of one symbol to 1,000 and then 5,000 clients of one process, 10,000 messages a second
   together. The baseline is the usual FastAPI loop (`for each client: await send_text`) with the same
   messages and clients.
3. Time inside the function of `GET quote`: from the cache, and from the engine.

The clients are raw sockets in a separate process on the same cores. The exit code is always 0.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.stream_clients import FEED, MESSAGES_PER_S, NANOS, many_files, percentile  # noqa: E402

TICKS_PER_S = 10_000
SYMBOLS = [f"TICK{n}" for n in range(20)]
BURST_S = 0.005
CLIENTS = (1_000, 5_000)
WS = "/api/v1/market-data/ws/stream"


BASELINE = """
import resource, sys
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
app, clients = FastAPI(), set()

@app.websocket("/subscribe")
async def subscribe(socket: WebSocket):
    await socket.accept()
    clients.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        clients.discard(socket)

@app.websocket("/publish")
async def publish(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            text = await socket.receive_text()
            for each in tuple(clients):
                await each.send_text(text)
    except WebSocketDisconnect:
        pass

uvicorn.run(app, port=int(sys.argv[1]), log_level="error", loop="uvloop", ws="websockets-sansio",
            ws_per_message_deflate=False)
"""
MESSAGE = {
    "type": "trade", "id": "123:4", "symbol": "TICK0", "source": "outside", "price": "100",
    "quantity": "QUANTITY", "aggressor": None, "trade_id": None, "at": "2026-01-01T00:00:00.000000Z",
}  # fmt: skip


@contextmanager
def process(
    command: list[str], environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    started = subprocess.Popen(command, cwd=ROOT, env=environment or dict(os.environ), text=True)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()


def fan_out(server: "subprocess.Popen[str]", plan: dict[str, Any]) -> dict[str, float]:
    """Connect clients to a server and publish to them. Returns their figures, and the server's memory a
    client."""
    import psutil

    from tests.stack import eventually

    memory = psutil.Process(server.pid).memory_info
    before = memory().rss
    clients = subprocess.Popen(
        [sys.executable, "-m", "bench.stream_clients", json.dumps(plan)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert clients.stdout is not None and clients.stdin is not None
    ready = json.loads(clients.stdout.readline())["ready"]
    after = memory().rss
    clients.stdin.write("\n")
    clients.stdin.flush()
    result: dict[str, float] = json.loads(clients.stdout.readline())
    clients.wait(30)
    eventually(lambda: psutil.Process(server.pid).num_fds() < 200, "all connections are closed", 60)
    return {**result, "ready": ready, "kib_per_client": (after - before) / 1024 / plan["clients"]}


def fan_outs(stack: Any, seconds: float, client_counts: list[int]) -> dict[str, Any]:
    import httpx

    from cift.run.servers import free_port
    from tests.stack import eventually

    many_files()
    run = stack.run_file
    found: dict[str, Any] = {}
    for name in ("CIFT", "FastAPI loop"):
        for count in client_counts:
            port = free_port()
            environment = os.environ | {
                "CIFT_FUNCTION": "streams.stream",
                "CIFT_HTTP_PORT": str(port),
                "CIFT_DATA": str(stack.folder),
                "CIFT_NATS_URL": run["nats_url"],
                "CIFT_VALKEY_URL": run["valkey_url"],
                "CIFT_POSTGRES_URL": run["postgres_url"],
                "CIFT_RATE_LIMIT_PUBLIC": "1000000",
                "CIFT_CONNECTIONS_PER_ADDRESS": "20000",
                "CIFT_LOG": "off",
            }
            ours = name == "CIFT"
            command = (
                [sys.executable, "-m", "cift.host"] if ours else [sys.executable, "-c", BASELINE, str(port)]
            )
            with process(command, environment) as server:
                probe = f"http://127.0.0.1:{port}/{'health' if ours else 'docs'}"
                eventually(lambda probe=probe: httpx.get(probe).status_code == 200, f"{name} responds")
                plan = {
                    "clients": count, "port": port, "path": WS if ours else "/subscribe", "seconds": seconds,
                    "nats_url": run["nats_url"] if ours else "", "message": MESSAGE,
                }  # fmt: skip
                found[f"{name}/{count}"] = fan_out(server, plan)
                print(f"{name}/{count}: {found[f'{name}/{count}']}", file=sys.stderr, flush=True)
    return found


def ticks(plan: dict[str, Any]) -> None:
    """The process of feed and client, `bench.streams --ticks PLAN`. Prints latencies as JSON."""
    import orjson
    import uvloop
    import websockets

    from cift.platform.settings import Settings
    from cift.platform.stores import Platform

    async def run() -> None:
        platform = Platform(Settings(nats_url=plan["nats_url"]))
        sent: dict[str, float] = {}
        took: dict[str, list[float]] = {"trade": [], "book": []}
        received = 0
        url = f"ws://127.0.0.1:{plan['port']}{WS}"
        async with websockets.connect(url, max_size=None, compression=None) as socket:
            subscribe = {"action": "subscribe", "symbols": SYMBOLS, "channels": ["trades", "book"]}
            await socket.send(json.dumps(subscribe))
            while orjson.loads(await socket.recv())["type"] != "subscribed":
                pass

            async def receive() -> None:
                nonlocal received
                while True:
                    message = orjson.loads(await socket.recv())
                    now = time.perf_counter()
                    received += 1
                    if message["type"] == "trade":
                        took["trade"].append(now - sent[message["quantity"]])
                    elif message["type"] == "book" and not message["snapshot"]:
                        for _, quantity, _ in message["bids"]:
                            if quantity in sent:
                                took["book"].append(now - sent[quantity])

            receiving = asyncio.create_task(receive())
            number, late, failed = 0, 0, 0
            started = time.perf_counter()
            waiting: set[asyncio.Task[Any]] = set()

            async def submit(command: dict[str, Any]) -> None:
                nonlocal failed
                try:
                    await platform.engine.submit(command)
                except Exception:
                    failed += 1

            while (now := time.perf_counter()) - started < plan["seconds"]:
                due = int((now - started) * TICKS_PER_S)
                late = max(late, due - number)
                for _ in range(min(due - number, 500)):
                    number += 1
                    symbol = SYMBOLS[number % len(SYMBOLS)]
                    common = {"feed": FEED, "source_sequence": plan["base"] + number, "symbol": symbol}
                    if (number // len(SYMBOLS)) % 2:
                        command = {
                            "type": "outside_trade",
                            **common,
                            "price": 100 * NANOS,
                            "quantity": number * NANOS,
                        }
                    else:
                        bid = {"price": 99 * NANOS, "quantity": number * NANOS}
                        ask = {"price": 101 * NANOS, "quantity": NANOS}
                        command = {"type": "outside_quote", **common, "bid": bid, "ask": ask}
                    sent[str(number)] = time.perf_counter()
                    task = asyncio.create_task(submit(command))
                    waiting.add(task)
                    task.add_done_callback(waiting.discard)
                await asyncio.sleep(BURST_S)
            if waiting:
                await asyncio.wait(waiting, timeout=10)
            await asyncio.sleep(2)
            receiving.cancel()
        result: dict[str, Any] = {
            "ticks_per_s": number / plan["seconds"],
            "failed": failed,
            "received_per_s": received / plan["seconds"],
        }
        for kind, values in took.items():
            result[kind] = {
                "count": len(values),
                "p50_ms": percentile(values, 0.5) * 1000,
                "p99_ms": percentile(values, 0.99) * 1000,
            }
        print(json.dumps(result), flush=True)
        os._exit(0)

    uvloop.run(run())


async def prepare(stack: Any) -> None:
    """Define the instruments, and the feed with its house account."""
    from cift.kernel.ids import uuid7
    from cift.platform.stores import Platform

    platform = Platform(stack.settings())
    submit, house_account = platform.engine.submit, uuid7()
    await submit(
        {
            "type": "open_account",
            "account": house_account,
            "kind": "margin",
            "role": "house",
            "currency": "USD",
        }
    )
    await submit({"type": "define_feed", "feed": FEED, "house": house_account, "silence_ns": 3600 * NANOS})
    for symbol in SYMBOLS:
        await submit(
            {
                "type": "define_instrument", "symbol": symbol, "currency": "USD", "tick": NANOS // 100,
                "lot": NANOS, "band_ppm": 100_000, "collar_ppm": 20_000,
            }
        )  # fmt: skip
    await platform.close()


def measured(command: str, plan: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.streams", command, json.dumps(plan)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=plan["seconds"] + 120,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def function_times(stack: Any, seconds: float) -> dict[str, Any]:
    """Time inside get_quote from its own histogram: for requests served from the cache, and by the engine."""
    import httpx

    from tests.host.alone import alone

    user = stack.new_user()
    found: dict[str, Any] = {}
    for name, headers in (("cache", {}), ("engine", user.key)):
        with alone("market_data.get_quote", stack, CIFT_LOG="off", CIFT_RATE_LIMIT_PUBLIC="1000000") as url:
            with httpx.Client(base_url=url, timeout=10) as http:
                until = time.perf_counter() + seconds
                while time.perf_counter() < until:
                    response = http.get("/api/v1/market-data/quote/SPY", headers=headers)
                    assert response.status_code == 200, response.text
                text = http.get("/metrics").text
        found[name] = histogram(text, "cift_request_seconds", "market_data.get_quote")
        found[name]["from_cache"] = value_of(text, 'cift_quote_cache_total{found="quote"}')
    return found


def value_of(text: str, series: str) -> float:
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(series)), 0.0)


def histogram(text: str, name: str, function: str) -> dict[str, float]:
    count = value_of(text, f'{name}_count{{function="{function}"}}')
    total = value_of(text, f'{name}_sum{{function="{function}"}}')
    below = value_of(text, f'{name}_bucket{{function="{function}",le="0.0005"}}')
    return {"count": count, "mean_ms": total / count * 1000, "below_half_ms": below / count}


def run(seconds: float, client_counts: list[int]) -> dict[str, Any]:
    from tests.stack import Stack

    with tempfile.TemporaryDirectory() as folder:
        with Stack.start(Path(folder) / "data", log="off") as stack:
            asyncio.run(prepare(stack))
            plan = {
                "nats_url": stack.run_file["nats_url"],
                "port": int(stack.url.rsplit(":", 1)[1]),
                "seconds": seconds,
                "base": time.time_ns(),
            }
            found: dict[str, Any] = {"ticks": measured("--ticks", plan)}
            print(f"ticks: {found['ticks']}", file=sys.stderr, flush=True)
            found |= fan_outs(stack, seconds, client_counts)
        with Stack.start(Path(folder) / "replay", log="off", market="replay", speed="20") as stack:
            time.sleep(3)
            found["function"] = function_times(stack, seconds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=8.0, help="duration of the load for each figure")
    parser.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS))
    parser.add_argument("--ticks", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ticks:
        ticks(json.loads(given.ticks))
        return
    found = run(given.seconds, given.clients)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    r = found["ticks"]
    print(
        f"from a feed through the book to a WebSocket: {r['ticks_per_s']:,.0f} ticks/s, {r['failed']} failed"
    )
    for kind in ("trade", "book"):
        r = found["ticks"][kind]
        print(f"  {kind:6} {r['count']:9,} received   p50 {r['p50_ms']:8.2f} ms   p99 {r['p99_ms']:8.2f} ms")
    print(f"fan-out of one process, {MESSAGES_PER_S:,} messages/s to all clients together")
    for name in (key for key in found if "/" in key):
        r = found[name]
        memory = f"{r['kib_per_client']:6.1f} KiB a client"
        figures = f"p50 {r['p50_ms']:8.2f} ms  p99 {r['p99_ms']:8.2f} ms  {memory}"
        print(f"  {name:20} {figures}  received {r['received']:.1%} of {r['prints']} prints")
        print(
            f"  {'':20} first client: p50 {r['first_p50_ms']:.2f}, max {r['first_max_ms']:.2f} ms;"
            f" from the first to the last client: p50 {r['spread_p50_ms']:.2f},"
            f" max {r['spread_max_ms']:.2f} ms"
        )
    print("GET quote, time inside the function (target from the cache: <= 0.5 ms)")
    for name, r in found["function"].items():
        print(
            f"  {name:8} mean {r['mean_ms']:6.3f} ms   {r['below_half_ms']:6.1%} below 0.5 ms"
            f"   ({r['count']:,.0f} calls, {r['from_cache']:,.0f} from the cache)"
        )


if __name__ == "__main__":
    main()
