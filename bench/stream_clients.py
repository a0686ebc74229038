"""The client process of `bench.streams`: thousands of raw WebSockets, and a publisher of the prints they
receive.

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
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
if TYPE_CHECKING:
    from cift.platform.stores import Platform

Publish = Callable[[int], Awaitable[None]]
"""Publishes a print with this quantity."""
CONNECT_AT_ONCE = 8
"""Fewer than ten: each handshake of a burst may lease a tenth of the address's rate limit."""
MESSAGES_PER_S = 10_000
"""Messages a second to all clients together. It determines the rate of prints."""
UNCOUNTED = 10**9
"""The quantity of the first print, which is not measured: it opens the publisher's connection."""
FEED = 15
NANOS = 10**9
SYMBOL = "TICK0"


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def many_files() -> None:
    """Raise the limit of open files to the maximum."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Client(asyncio.Protocol):
    """A WebSocket client that extracts the quantities of the prints that it receives."""

    def __init__(self, path: str, port: int, first: bytes, group: "Group") -> None:
        self._path, self._port, self._first, self._group = path, port, first, group
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
                self._group.ready += 1
        data = self._rest + data
        begin = 0
        while True:
            at = data.find(b'"quantity":"', begin)
            if at < 0:
                break
            end = data.find(b'"', at + 12)
            if end < 0:
                break
            self._group.receive(data[at + 12 : end], now)
            begin = end
        if b'"subscribed"' in data[begin:]:
            self._group.ready += 1
            self._rest = b""
        else:
            self._rest = data[begin:][-200:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._group.lost += 1


class Group:
    """Many clients, and the time that each print took to each client."""

    def __init__(self) -> None:
        self.sent: dict[bytes, float] = {}
        self.took: defaultdict[bytes, list[float]] = defaultdict(list)
        self.ready = self.lost = 0

    def receive(self, quantity: bytes, now: float) -> None:
        sent = self.sent.get(quantity)
        if sent is not None:
            self.took[quantity].append(now - sent)


async def publish_to_baseline(plan: dict[str, Any]) -> Publish:
    """Connect to the baseline's endpoint `/publish`. Returns a function that publishes a print there."""
    opened: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

    class Publisher(Client):
        def data_received(self, data: bytes) -> None:
            if not opened.done():
                opened.set_result(self.transport)

    loop, port = asyncio.get_running_loop(), plan["port"]
    await loop.create_connection(lambda: Publisher("/publish", port, b"", Group()), "127.0.0.1", port)
    transport = await opened

    async def publish(number: int) -> None:
        text = json.dumps(plan["message"]).replace('"QUANTITY"', f'"{number}"').replace(": ", ":").encode()
        head = bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big")
        transport.write(head + b"\0\0\0\0" + text)

    return publish


def publish_to_engine(platform: "Platform") -> Publish:
    """A function that submits a print to the engine."""
    from cift.kernel.errors import CiftError

    async def publish(number: int) -> None:
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
        except CiftError:  # the machine is too busy; the figure "received" shows the missing messages
            pass

    return publish


async def connect(plan: dict[str, Any], first: bytes, group: Group) -> None:
    """Open all connections, and wait until each is subscribed (at most 30 s for each step)."""
    loop = asyncio.get_running_loop()
    for begin in range(0, plan["clients"], CONNECT_AT_ONCE):
        count = min(CONNECT_AT_ONCE, plan["clients"] - begin)
        await asyncio.gather(
            *(
                loop.create_connection(
                    lambda: Client(plan["path"], plan["port"], first, group), "127.0.0.1", plan["port"]
                )
                for _ in range(count)
            )
        )
        until = time.monotonic() + 30
        while group.ready < begin + count and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def figures(group: Group, prints: int, clients: int) -> dict[str, float]:
    took = [each for times in group.took.values() for each in times]
    first = [times[0] for times in group.took.values()]
    spread = [times[-1] - times[0] for times in group.took.values()]
    return {
        "prints": prints,
        "first_p50_ms": percentile(first, 0.5) * 1000,
        "first_max_ms": max(first, default=0) * 1000,
        "spread_p50_ms": percentile(spread, 0.5) * 1000,
        "spread_max_ms": max(spread, default=0) * 1000,
        "p50_ms": percentile(took, 0.5) * 1000,
        "p99_ms": percentile(took, 0.99) * 1000,
        "max_ms": max(took, default=0) * 1000,
        "received": len(took) / (prints * clients),
        "lost": group.lost,
    }


async def run(plan: dict[str, Any]) -> None:
    """Connect and print how many are ready; wait for a line on stdin; publish; print the figures."""
    from cift.platform.settings import Settings
    from cift.platform.stores import Platform

    group = Group()
    platform = Platform(Settings(nats_url=plan["nats_url"])) if plan["nats_url"] else None
    first = json.dumps({"action": "subscribe", "symbols": [SYMBOL], "channels": ["trades"]}).encode()
    await connect(plan, first if platform is not None else b"", group)
    print(json.dumps({"ready": group.ready}), flush=True)
    sys.stdin.readline()  # meanwhile the parent process measures the server's memory
    publish = publish_to_engine(platform) if platform is not None else await publish_to_baseline(plan)
    await publish(UNCOUNTED)
    await asyncio.sleep(1)
    started, number = time.perf_counter(), 0
    while time.perf_counter() - started < plan["seconds"]:
        number += 1
        group.sent[str(number).encode()] = time.perf_counter()
        await publish(number)
        due = started + number * plan["clients"] / MESSAGES_PER_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await asyncio.sleep(2)
    print(json.dumps(figures(group, number, plan["clients"])), flush=True)
    os._exit(0)


def main() -> None:
    import uvloop

    many_files()
    uvloop.run(run(json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
