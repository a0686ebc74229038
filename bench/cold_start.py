"""What each function costs to wake from zero: exec to first answer, alone in its process.

    python -m bench.cold_start [--rounds 3] [function …]

A whole exchange is started for this, and beside it each function as in a pod (`PORT` set), several times
one after the other. Measured when its first answer has arrived: CPU of the process (user and system) and
its resident memory, as the kernel counts them; and the time since exec. The least of the rounds is shown,
for a shared machine only ever adds; Python with asyncio alone is measured first, to judge the machine by.
First answers are real: an HTTP function that needs a credential refuses a request without one (401), any
other answers what it answers; an event function answers /health and then a batch that was projected
already (409, which took it to its database); a timer runs once. The last columns are an HTTP function's
sums after a second answer, with an API key, so that its stores are open.
"""

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cift.function import Function  # noqa: E402
from cift.host.loading import load_functions  # noqa: E402
from cift.platform.stores import Platform  # noqa: E402
from cift.run.servers import free_port  # noqa: E402
from tests.stack import Stack, User  # noqa: E402

WANTED = {"http": (300, 80), "on": (150, 45), "every": (150, 45), "daemon": (300, 80), "ws": (300, 80)}
STARTS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process so far."""

    cpu_ms: float
    rss_mb: float
    wall_ms: float


Ask = tuple[str, str, Mapping[str, str], bytes]
"""Method, path, headers, body."""


def cost(process: psutil.Process, began: float) -> Cost:
    times, wall = process.cpu_times(), time.perf_counter() - began
    return Cost((times.user + times.system) * 1000, process.memory_info().rss / 1e6, wall * 1000)


def path_of(function: Function) -> str:
    """Its path with something in each of its places."""
    return re.sub(
        r"\{symbol\}", "SPY", re.sub(r"\{\w*id\}", "01890000-0000-7000-8000-000000000000", function.path)
    )


def wake(function: Function, environment: Mapping[str, str], asks: list[Ask]) -> list[tuple[int, Cost]]:
    """Start the function, ask, one ask after the other, and stop it: status and cost at each answer."""
    port = free_port()
    env = {**environment, "PORT": str(port), "CIFT_FUNCTION": function.name}
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "cift.host"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL
    )
    try:
        process = psutil.Process(child.pid)
        found = []
        transport = httpx.HTTPTransport(retries=0)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=STARTS_WITHIN_S
        ) as client:
            for method, path, headers, body in asks:
                while True:
                    try:
                        answer = client.request(method, path, headers=dict(headers), content=body)
                        break
                    except httpx.ConnectError:  # not listening yet; once it is, the kernel keeps the request
                        if time.perf_counter() - began > STARTS_WITHIN_S or child.poll() is not None:
                            raise
                        time.sleep(0.005)
                found.append((answer.status_code, cost(process, began)))
        return found
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def bare_cpu_ms(rounds: int) -> float:
    """CPU of a Python that imports asyncio and ends: what every function has to pay."""
    code = "import asyncio, resource; r = resource.getrusage(0); print(r.ru_utime + r.ru_stime)"
    command = [sys.executable, "-c", code]
    found = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(rounds)]
    return min(float(done.stdout) * 1000 for done in found)


async def first_records(stack: Stack) -> Ask:
    """A batch of the journal's first record, which was projected long ago."""
    platform = Platform(stack.settings())
    try:
        journal_id, _ = await platform.nats.journal()
        message = await (await platform.nats.jetstream()).get_msg(platform.settings.journal_stream, 1)
    finally:
        await platform.close()
    data, subject = message.data or b"", b"orders.main"
    headers = {
        "ce-type": "markets.cift.batch", "ce-stream": "ORDERS", "ce-shard": "main",
        "ce-journalid": journal_id, "ce-first": "1", "ce-last": "1", "ce-count": "1",
    }  # fmt: skip
    head = (1).to_bytes(8, "little") + bytes(8) + len(subject).to_bytes(2, "little") + bytes(4)
    return "POST", "/", headers, head + len(data).to_bytes(4, "little") + subject + data


def asks_of(function: Function, user: User, batch: Ask) -> list[Ask]:
    health: Ask = ("GET", "/health", {}, b"")
    if function.kind == "on":
        return [health, batch]
    if function.kind == "every":
        return [health, ("POST", "/", {"ce-type": "markets.cift.due"}, b"")]
    if function.kind == "daemon":
        return [health]
    kind = {"content-type": "application/json"}
    body = b"{}" if function.method in ("POST", "PATCH") else b""
    return [
        (function.method, path_of(function), kind, body),
        (function.method, path_of(function), {**kind, **user.key}, body),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description=__doc__)
    parser.add_argument("functions", nargs="*", metavar="function", help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    functions = [
        function
        for function in load_functions()
        if not options.functions or function.name in options.functions
    ]
    over = 0
    with tempfile.TemporaryDirectory() as folder, Stack.start(Path(folder) / "data") as stack:
        user, batch = stack.new_user(), asyncio.run(first_records(stack))
        run = stack.run_file
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_")} | {
            "CIFT_DATA": str(stack.folder),
            "CIFT_LOG": "off",
            "CIFT_MARKET": "none",
            **{f"CIFT_{name.upper()}": run[name] for name in ("postgres_url", "nats_url", "valkey_url")},
        }
        print(f"Python with asyncio alone: {bare_cpu_ms(options.rounds):.0f} CPU ms")
        print(f"{'function':34} {'answer':>8} {'CPU ms':>7} {'MB':>6} {'ms':>6}   then: CPU ms, MB, answer")
        for function in sorted(functions, key=lambda d: (d.kind != "http", d.kind, d.name)):
            asks = asks_of(function, user, batch)
            rounds = [wake(function, environment, asks) for _ in range(options.rounds)]
            best = min(rounds, key=lambda found: found[-1][1].cpu_ms)
            first = min((found[0] for found in rounds), key=lambda at: at[1].cpu_ms)
            measured = first if function.kind == "http" else best[-1]
            wanted_ms, wanted_mb = WANTED[function.kind]
            misses = measured[1].cpu_ms > wanted_ms or measured[1].rss_mb > wanted_mb
            over += misses
            status, at = measured
            line = f"{function.name:34} {status:>8} {at.cpu_ms:7.0f} {at.rss_mb:6.1f} {at.wall_ms:6.0f}"
            if function.kind == "http":
                status, at = best[-1]
                line += f"   {at.cpu_ms:6.0f} {at.rss_mb:6.1f}  {status}"
            print(line + ("   over" if misses else ""), flush=True)
    wanted = "; ".join(f"{kind} ≤ {ms} CPU-ms, ≤ {mb} MB" for kind, (ms, mb) in WANTED.items())
    print(f"{over} of {len(functions)} over what is wanted ({wanted})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
