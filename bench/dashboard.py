"""The dashboard in a real Chromium: first load, and its frames while market data arrives very fast.

    python -m bench.dashboard [--json] [--seconds 10] [--rates 1000 10000]

It starts an exchange and loads its page. For the second part, the page's WebSocket is connected to a server
of this benchmark, which sends valid messages at a fixed rate: 6 of 10 change the book (the page compares the
checksum of each), 2 are trades and 2 are quotes. Chromium runs without a GPU, so frames cost more than on a
person's machine. Targets: largest paint ≤ 500 ms, script < 100 ms, JavaScript ≤ 170 kB; at 1,000 messages/s
none lost, median frame ≤ 17 ms, p95 ≤ 34 ms, slowest interaction ≤ 200 ms. The exit code is always 0.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LEVELS = 40
SYMBOL = "SPY"
BURST_S = 0.01
WARM_UP_S = 3

COLLECT = """() => {
  const bench = { frames: [], events: [] };
  window.bench = bench;
  let before = 0;
  const frame = (now) => {
    if (before) bench.frames.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => list.getEntries().forEach((each) => bench.events.push(each.duration)))
    .observe({ type: 'event', durationThreshold: 16 });
}"""
LARGEST_PAINT = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
    .observe({ type: 'largest-contentful-paint', buffered: true });
})"""
REDIRECT = """(() => {
  const Real = WebSocket;
  window.WebSocket = class extends Real { constructor() { super('ws://127.0.0.1:PORT/'); } };
  window.WebSocket.OPEN = Real.OPEN;
})()"""


class Flood:
    """A WebSocket server with a made-up market of one symbol. It sends `rate` messages per second."""

    def __init__(self) -> None:
        self.rate = 0
        self.sent = 0
        self.port = 0
        self._sequence = self._book_sequence = 1
        self._random = random.Random(7)
        self._sides = {
            "bids": {round(100 - i / 100, 2): 100 + i for i in range(LEVELS)},
            "asks": {round(100.01 + i / 100, 2): 100 + i for i in range(LEVELS)},
        }
        self._snapshot = json.dumps(self._book(list(self._sides), snapshot=True))
        self._messages: list[str] = []
        self._started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        assert self._started.wait(10)

    def prepare(self, count: int) -> None:
        """Make the messages before they are sent, so that making them does not slow the sending."""
        self._messages = [json.dumps(self._message()) for _ in range(count)]

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve  # only while measuring

        async with serve(self._client, "127.0.0.1", 0, compression=None) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._started.set()
            await asyncio.Future()

    async def _client(self, socket: Any) -> None:
        flooding = asyncio.create_task(self._flood(socket))
        try:
            async for text in socket:
                message = json.loads(text)
                if message["action"] == "ping":
                    await socket.send('{"type":"pong"}')
                elif "book" in message.get("channels", ()):
                    await socket.send(self._snapshot)
        except ConnectionClosed:
            pass  # the page was closed
        finally:
            flooding.cancel()

    async def _flood(self, socket: Any) -> None:
        owed, last = 0.0, time.perf_counter()
        while True:
            await asyncio.sleep(BURST_S)
            now = time.perf_counter()
            owed, last = owed + self.rate * (now - last), now
            for message in self._messages[self.sent : self.sent + int(owed)]:
                await socket.send(message)
                self.sent += 1
            owed -= int(owed)

    def _message(self) -> dict[str, Any]:
        kind = self._random.random()
        price, quantity = f"{100 + self._random.randint(-9, 9) / 100:.2f}", str(self._random.randint(1, 900))
        at = "2026-01-01T00:00:00Z"
        if kind < 0.6:
            side = self._random.choice(("bids", "asks"))
            level = self._random.choice(list(self._sides[side]))
            self._sides[side][level] = self._random.randint(1, 900)
            return self._book([side], level=level)
        self._sequence += 1
        if kind < 0.8:
            return {"type": "trade", "id": f"{self._sequence}:0", "symbol": SYMBOL, "source": "exchange",
                    "price": price, "quantity": quantity, "aggressor": "buy", "at": at}  # fmt: skip
        return {"type": "quote", "symbol": SYMBOL, "bid": "100", "bid_quantity": quantity, "ask": "100.01",
                "ask_quantity": quantity, "last": price, "last_quantity": "1", "last_at": at, "halted": False,
                "sequence": self._sequence, "at": at}  # fmt: skip

    def _book(
        self, sides: list[str], *, snapshot: bool = False, level: float | None = None
    ) -> dict[str, Any]:
        previous, self._book_sequence = self._book_sequence, self._book_sequence + 1
        best = {"asks": sorted(self._sides["asks"])[:10], "bids": sorted(self._sides["bids"])[:-11:-1]}
        text = "".join(
            f"{price:.2f}".replace(".", "").lstrip("0") + str(self._sides[side][price])
            for side in ("asks", "bids")
            for price in best[side]
        )
        found: dict[str, Any] = {"bids": [], "asks": []}
        for side in sides:
            ordered = sorted(self._sides[side], reverse=side == "bids") if level is None else [level]
            found[side] = [[f"{price:.2f}", str(self._sides[side][price]), 1] for price in ordered]
        return {"type": "book", "symbol": SYMBOL, "snapshot": snapshot, "sequence": self._book_sequence,
                "previous": previous, **found, "checksum": zlib.crc32(text.encode()), "at": ""}  # fmt: skip


def heap_mb(cdp: Any) -> float:
    cdp.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in cdp.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 1e6


def first_load(browser: Any, url: str) -> dict[str, float]:
    """A new browser profile; the exchange has served the page before, so its files are in memory."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("Performance.enable")
    sizes: dict[str, int] = {}
    page.on("response", lambda r: sizes.update({r.url: int(r.headers.get("content-length", 0))}))
    page.goto(url)
    page.locator("canvas").first.wait_for()
    metrics = {each["name"]: each["value"] for each in cdp.send("Performance.getMetrics")["metrics"]}
    found = {
        "largest_paint_ms": round(page.evaluate(LARGEST_PAINT)),
        "script_ms": round(metrics["ScriptDuration"] * 1000),
        "javascript_kb": round(sum(size for name, size in sizes.items() if name.endswith(".js")) / 1000),
    }
    context.close()
    return found


def flooded(browser: Any, url: str, rate: int, seconds: float) -> dict[str, float]:
    """Frames, interactions and heap while `rate` messages arrive per second."""
    flood = Flood()
    flood.prepare(int(rate * seconds * 1.5))
    context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.add_init_script(REDIRECT.replace("PORT", str(flood.port)))
    page.goto(url)
    page.locator('[data-testid="asks"] button').first.wait_for()
    page.wait_for_timeout(WARM_UP_S * 1000)
    cdp = context.new_cdp_session(page)
    cdp.send("Performance.enable")
    page.evaluate(COLLECT)
    heap, received, sent = heap_mb(cdp), page.evaluate("ciftCounters.received()"), flood.sent
    flood.rate = rate
    deadline = time.monotonic() + seconds
    tabs = page.locator('[data-testid="tables"] [role="tab"]')
    while time.monotonic() < deadline:
        for index in range(4):
            tabs.nth(index).click()
    flood.rate = 0
    page.wait_for_timeout(1000)
    frames = sorted(page.evaluate("bench.frames"))
    events = page.evaluate("bench.events")
    found = {
        "messages_per_s": rate,
        "sent": flood.sent - sent,
        "lost": flood.sent - sent - (page.evaluate("ciftCounters.received()") - received),
        "healed": page.evaluate("ciftCounters.healed()"),
        "frame_median_ms": round(frames[len(frames) // 2], 1),
        "frame_p95_ms": round(frames[int(len(frames) * 0.95)], 1),
        "slowest_interaction_ms": max(events, default=0),
        "heap_mb": round(heap, 1),
        "heap_after_mb": round(heap_mb(cdp), 1),
    }
    context.close()
    return found


def main() -> int:
    from tests.dashboard.browser import launched
    from tests.stack import Stack

    parser = argparse.ArgumentParser(prog="python -m bench.dashboard", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each flood")
    parser.add_argument("--rates", type=int, nargs="*", default=[1000, 10_000], help="messages per second")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack.start(Path(folder) / "data", market="agents") as stack,
    ):
        with launched() as browser:
            first_load(browser, stack.url)
            load = min(
                (first_load(browser, stack.url) for _ in range(3)), key=lambda each: each["largest_paint_ms"]
            )
            floods = [flooded(browser, stack.url, rate, arguments.seconds) for rate in arguments.rates]
    if arguments.json:
        print(json.dumps({"load": load, "floods": floods}))
        return 0
    print("first load, best of 3: " + ", ".join(f"{name} {value}" for name, value in load.items()))
    for each in floods:
        print(", ".join(f"{name} {value}" for name, value in each.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
