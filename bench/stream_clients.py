"""The clients of `bench.streams`, in a process of their own: thousands of raw WebSockets that look for one
number in what they hear, and who speaks to them.

    python -m bench.stream_clients PLAN     (JSON; prints two lines of JSON)
"""

import asyncio
import base64
import json
import os
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CONNECT_AT_ONCE = 8
"""Fewer than ten: each handshake of a burst may lease a tenth of the address's rate limit."""
TOLD_PER_S = 10_000
"""Prints go out so often that all clients together hear so many."""
UNCOUNTED = 10**9
"""The number of a first print that nobody looks for: with it the speaker connects."""
FEED = 15
NANOS = 10**9
SYMBOL = "TICK0"


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def many_files() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Client(asyncio.Protocol):
    """A WebSocket client that looks for one number in what it hears: the quantity of a print."""

    def __init__(self, path: str, port: int, first: bytes, crowd: "Crowd") -> None:
        self._path, self._port, self._first, self._crowd = path, port, first, crowd
        self._open = False
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection:"
            f" Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self._open:
            self._open = True
            assert data.startswith(b"HTTP/1.1 101"), data[:200]
            data = data.partition(b"\r\n\r\n")[2]
            if self._first:
                mask = b"\0\0\0\0"
                self.transport.write(bytes((0x81, 0x80 | len(self._first))) + mask + self._first)
            else:
                self._crowd.ready += 1
        data = self._rest + data
        begin = 0
        while True:
            at = data.find(b'"quantity":"', begin)
            if at < 0:
                break
            end = data.find(b'"', at + 12)
            if end < 0:
                break
            self._crowd.hear(data[at + 12 : end], now)
            begin = end
        if b'"subscribed"' in data[begin:]:
            self._crowd.ready += 1
            self._rest = b""
        else:
            self._rest = data[begin:][-200:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.lost += 1


class Crowd:
    """Many clients, and how long a print took to each."""

    def __init__(self) -> None:
        self.sent: dict[bytes, float] = {}
        self.took: defaultdict[bytes, list[float]] = defaultdict(list)
        self.ready = self.lost = 0

    def hear(self, quantity: bytes, now: float) -> None:
        sent = self.sent.get(quantity)
        if sent is not None:
            self.took[quantity].append(now - sent)


def crowd(plan: dict[str, Any]) -> None:
    """Prints how many are connected, waits for a line, speaks, prints what was heard."""
    import uvloop

    from cift.kernel.errors import CiftError
    from cift.platform.settings import Settings
    from cift.platform.stores import Platform

    async def rival_says(port: int) -> Any:
        opened: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

        class Speaker(Client):
            def data_received(self, data: bytes) -> None:
                if not opened.done():
                    opened.set_result(self.transport)

        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Speaker("/say", port, b"", Crowd()), "127.0.0.1", port)
        transport = await opened

        async def say(number: int) -> None:
            text = (
                json.dumps(plan["message"]).replace('"QUANTITY"', f'"{number}"').replace(": ", ":").encode()
            )
            head = bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big")
            transport.write(head + b"\0\0\0\0" + text)

        return say

    async def engine_says(platform: Platform) -> Any:
        async def say(number: int) -> None:
            command = {
                "type": "outside_trade",
                "feed": FEED,
                "source_sequence": time.time_ns(),
                "symbol": SYMBOL,
                "price": 100 * NANOS,
                "quantity": number * NANOS,
            }
            try:
                await platform.engine.submit(command)
            except CiftError:  # too busy a machine: nobody hears this one, and the share heard says so
                pass

        return say

    async def run() -> None:
        everybody, loop = Crowd(), asyncio.get_running_loop()
        platform = Platform(Settings(nats_url=plan["nats_url"])) if plan["nats_url"] else None
        first = json.dumps({"action": "subscribe", "symbols": [SYMBOL], "channels": ["trades"]}).encode()
        first = first if platform is not None else b""
        for begin in range(0, plan["clients"], CONNECT_AT_ONCE):
            count = min(CONNECT_AT_ONCE, plan["clients"] - begin)
            await asyncio.gather(
                *(
                    loop.create_connection(
                        lambda: Client(plan["path"], plan["port"], first, everybody),
                        "127.0.0.1",
                        plan["port"],
                    )
                    for _ in range(count)
                )
            )
            until = time.monotonic() + 30
            while everybody.ready < begin + count and time.monotonic() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        print(json.dumps({"ready": everybody.ready}), flush=True)
        sys.stdin.readline()  # memory is measured meanwhile
        say = await (engine_says(platform) if platform is not None else rival_says(plan["port"]))
        await say(UNCOUNTED)
        await asyncio.sleep(1)
        started, number = time.perf_counter(), 0
        while time.perf_counter() - started < plan["seconds"]:
            number += 1
            everybody.sent[str(number).encode()] = time.perf_counter()
            await say(number)
            due = started + number * plan["clients"] / TOLD_PER_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await asyncio.sleep(2)
        took = [each for prints in everybody.took.values() for each in prints]
        wanted = number * plan["clients"]
        first = [prints[0] for prints in everybody.took.values()]
        spread = [prints[-1] - prints[0] for prints in everybody.took.values()]
        result = {
            "prints": number,
            "first_p50_ms": percentile(first, 0.5) * 1000,
            "first_max_ms": max(first, default=0) * 1000,
            "spread_p50_ms": percentile(spread, 0.5) * 1000,
            "spread_max_ms": max(spread, default=0) * 1000,
            "p50_ms": percentile(took, 0.5) * 1000,
            "p99_ms": percentile(took, 0.99) * 1000,
            "max_ms": max(took, default=0) * 1000,
            "told": len(took) / wanted,
            "lost": everybody.lost,
        }
        print(json.dumps(result), flush=True)
        os._exit(0)

    many_files()
    uvloop.run(run())


if __name__ == "__main__":
    crowd(json.loads(sys.argv[1]))
