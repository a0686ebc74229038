"""The cost of a cold start of each function, alone in its process, from exec to the first response.

    python -m bench.cold_start [--rounds 3] [function …]

It starts a whole exchange and then each function as in a pod (`PORT` set), several times one after the
other. At the first response it reads the process's CPU time (user and system), its resident memory and
the time since exec. It prints the minimum of the rounds, because other load on the machine only adds. A
Python process with asyncio alone is measured first, as a reference for the machine.

The first responses are real. An HTTP function that needs credentials rejects a request without them (401). An
event function answers /health and then a batch that is already projected (409), for which it reads its
database. A timer function runs once. The last columns show an HTTP function's totals after a second request
with an API key, which opens its stores.
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

TARGETS = {"http": (300, 80), "on": (150, 45), "every": (150, 45), "daemon": (300, 80), "ws": (300, 80)}
STARTS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process has used since its start."""

    cpu_ms: float
    rss_mb: float
    wall_ms: float


Request = tuple[str, str, Mapping[str, str], bytes]
"""Method, path, headers, body."""


def cost(process: psutil.Process, began: float) -> Cost:
    times, wall = process.cpu_times(), time.perf_counter() - began
    return Cost((times.user + times.system) * 1000, process.memory_info().rss / 1e6, wall * 1000)


def path_of(function: Function) -> str:
    """The function's path with a value for each parameter."""
    return re.sub(
        r"\{symbol\}", "SPY", re.sub(r"\{\w*id\}", "01890000-0000-7000-8000-000000000000", function.path)
    )


def cold_start(
    function: Function, environment: Mapping[str, str], requests: list[Request]
) -> list[tuple[int, Cost]]:
    """Start the function, send the requests one after the other, stop it.

    Returns the status and the cost at each response."""
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
            for method, path, headers, body in requests:
                while True:
                    try:
                        response = client.request(method, path, headers=dict(headers), content=body)
                        break
                    except (
                        httpx.ConnectError
                    ):  # not listening yet; once it listens, the kernel queues requests
                        if time.perf_counter() - began > STARTS_WITHIN_S or child.poll() is not None:
                            raise
                        time.sleep(0.005)
                found.append((response.status_code, cost(process, began)))
        return found
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def bare_cpu_ms(rounds: int) -> float:
    """CPU of a Python process that imports asyncio and exits: the minimum for every function."""
    code = "import asyncio, resource; r = resource.getrusage(0); print(r.ru_utime + r.ru_stime)"
    command = [sys.executable, "-c", code]
    found = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(rounds)]
    return min(float(done.stdout) * 1000 for done in found)


async def first_records(stack: Stack) -> Request:
    """A batch with the journal's first record, which is already projected."""
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


def requests_of(function: Function, user: User, batch: Request) -> list[Request]:
    health: Request = ("GET", "/health", {}, b"")
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
        print(f"{'':34} {'first response':31}   second response")
        print(f"{'function':34} {'status':>8} {'CPU ms':>7} {'MB':>6} {'ms':>6}   CPU ms     MB status")
        for function in sorted(functions, key=lambda d: (d.kind != "http", d.kind, d.name)):
            requests = requests_of(function, user, batch)
            rounds = [cold_start(function, environment, requests) for _ in range(options.rounds)]
            best = min(rounds, key=lambda found: found[-1][1].cpu_ms)
            first = min((found[0] for found in rounds), key=lambda at: at[1].cpu_ms)
            measured = first if function.kind == "http" else best[-1]
            target_ms, target_mb = TARGETS[function.kind]
            misses = measured[1].cpu_ms > target_ms or measured[1].rss_mb > target_mb
            over += misses
            status, at = measured
            line = f"{function.name:34} {status:>8} {at.cpu_ms:7.0f} {at.rss_mb:6.1f} {at.wall_ms:6.0f}"
            if function.kind == "http":
                status, at = best[-1]
                line += f"   {at.cpu_ms:6.0f} {at.rss_mb:6.1f}  {status}"
            print(line + ("   over target" if misses else ""), flush=True)
    targets = "; ".join(f"{kind} ≤ {ms} CPU ms, ≤ {mb} MB" for kind, (ms, mb) in TARGETS.items())
    print(f"{over} of {len(functions)} functions over target ({targets})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
