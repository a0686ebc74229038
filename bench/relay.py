"""Time to drain a backlog after a cold start: relay posting to project_journal, next to one INSERT per order
by plain asyncpg in the same run.

    python -m bench.relay [--events 100000] [--rounds 2]

It starts an exchange whose own process delivers no events. Orders that trade with each other fill the
journal. In each round, with an empty read model, it starts the function (and relay) and measures the time
until the last record is projected, which includes the function's start. The exit code is always 0.
"""

import argparse
import asyncio
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

import asyncpg
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.http_orders import lift_limits  # noqa: E402
from cift.contracts.orders import NewOrder  # noqa: E402
from cift.host.delivery import handler  # noqa: E402
from cift.host.loading import load_function  # noqa: E402
from cift.kernel.ids import uuid7  # noqa: E402
from cift.kernel.money import NANOS  # noqa: E402
from cift.platform.journal import JournalRecord  # noqa: E402
from cift.platform.migrate import migrate  # noqa: E402
from cift.platform.stores import Platform  # noqa: E402
from cift.run.servers import free_port  # noqa: E402
from cift.trading import rules  # noqa: E402
from tests.relay.process import relay  # noqa: E402
from tests.stack import Stack  # noqa: E402

FUNCTION = "trading.project_journal"
ACCOUNTS = 20
CHUNK_ORDERS = 4_000
IN_FLIGHT = 400
DRAINED_WITHIN_S = 600.0
INSERTS = 5_000


async def fill(platform: Platform, wanted: int) -> tuple[int, int, int]:
    """Add at least `wanted` events to the journal. Returns its last record, and the added commands and
    events."""
    _, records = await platform.nats.journal()
    engine, symbol = platform.engine, "BENCH"
    await engine.submit(
        {
            "type": "define_instrument", "symbol": symbol, "currency": "USD", "tick": NANOS // 100,
            "lot": NANOS, "band_ppm": 100_000, "collar_ppm": 20_000,
        }
    )  # fmt: skip
    accounts = [uuid7() for _ in range(ACCOUNTS)]
    for account in accounts:
        await engine.submit(
            {
                "type": "open_account",
                "account": account,
                "kind": "margin",
                "role": "customer",
                "currency": "USD",
            }
        )
        await engine.submit(
            {"type": "deposit", "account": account, "transfer": uuid7(), "amount": 10**7 * NANOS}
        )
        await lift_limits(engine, account)
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def place(number: int) -> None:
        order = NewOrder(
            symbol=symbol, side="buy" if number % 2 else "sell", type="limit", quantity="1", limit_price="100"
        )
        async with slots:
            await engine.submit(rules.admit(order, accounts[number % ACCOUNTS], uuid7(), None))

    js = await platform.nats.jetstream()
    commands = events = placed = 0
    while events < wanted:
        await asyncio.gather(*(place(placed + n) for n in range(CHUNK_ORDERS)))
        placed += CHUNK_ORDERS
        _, last = await platform.nats.journal()
        while records < last:
            records += 1
            message = await js.get_msg(platform.settings.journal_stream, records)
            entries = JournalRecord(records, message.data or b"").entries
            commands += len(entries)
            events += sum(len(each["events"]) for each in entries)
    return records, commands, events


@contextmanager
def function(stack: Stack, database: str) -> Iterator[str]:
    """Start the projector. Yields its URL; it may not respond yet."""
    run, port = stack.run_file, free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_")} | {
        "CIFT_FUNCTION": FUNCTION,
        "CIFT_LOG": "off",
        "CIFT_NATS_URL": run["nats_url"],
        "CIFT_POSTGRES_URL": database,
        "PORT": str(port),
    }
    child = subprocess.Popen([sys.executable, "-m", "cift.host"], cwd=ROOT, env=environment)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


async def empty_read_model(stack: Stack, name: str) -> str:
    """Make an empty database and delete the consumer of earlier rounds. Returns the database's URL."""
    url = str(stack.run_file["postgres_url"])
    owner = await asyncpg.connect(url)
    await owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await owner.execute(f"CREATE DATABASE {name}")
    await owner.close()
    database = url.replace("/cift?", f"/{name}?")
    await migrate(database)
    platform = Platform(stack.settings())
    try:
        js = await platform.nats.jetstream()
        for each in await js.consumers_info("ORDERS"):
            if each.name == FUNCTION.rsplit(".", 1)[-1]:
                await js.delete_consumer("ORDERS", each.name)
    finally:
        await platform.close()
    return database


async def drained(database: str, last: int) -> None:
    """Wait until the projector's offset is the last record."""
    connection = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(DRAINED_WITHIN_S):
            while True:
                at = await connection.fetchval("SELECT min(sequence) FROM projector_offsets")
                if at == last:
                    return
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


def by_relay(stack: Stack, database: str, last: int, folder: Path) -> tuple[float, Any]:
    began = time.perf_counter()
    with function(stack, database) as url:
        with relay(stack, [handler(load_function(FUNCTION), url)], folder) as running:
            asyncio.run(drained(database, last))
            took = time.perf_counter() - began
            held = psutil.Process(running.pid).memory_info().rss / 1e6
            return took, {**running.metrics(FUNCTION), "rss_mb": held}


async def by_inserts(database: str) -> float:
    """Orders per second of one INSERT each, of six columns, without an index beside the key."""
    connection = await asyncpg.connect(database)
    await connection.execute(
        "CREATE TABLE baseline (id uuid PRIMARY KEY, account uuid, symbol text, side text,"
        " quantity numeric(38, 9), price numeric(38, 9))"
    )
    insert = await connection.prepare("INSERT INTO baseline VALUES ($1, $2, $3, $4, $5, $6)")
    account, began = uuid7(), time.perf_counter()
    for _ in range(INSERTS):
        await insert.fetch(uuid7(), account, "BENCH", "buy", 1, 100)
    took = time.perf_counter() - began
    await connection.close()
    return INSERTS / took


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack.start(Path(folder) / "data", events="no") as stack:

        async def filled() -> tuple[int, int, int]:
            platform = Platform(stack.settings())
            try:
                return await fill(platform, options.events)
            finally:
                await platform.close()

        records, commands, events = asyncio.run(filled())
        print(f"backlog: {events:,} events of {commands:,} commands in {records:,} records", flush=True)
        print(f"{'':28} {'s':>7} {'orders/s':>10} {'events/s':>10}")
        for number in range(options.rounds):
            database = asyncio.run(empty_read_model(stack, "bench_relay"))
            took, figures = by_relay(stack, database, records, Path(folder) / f"relay{number}")
            posted = (
                f"{figures['relay_batches_total']:.0f} batches, {figures['relay_bytes_total'] / 1e6:.1f} MB"
            )
            rest = f"{posted}; {figures['rss_mb']:.0f} MB of memory"
            print(
                f"{'relay and project_journal':28} {took:7.2f} {commands / took:10,.0f}"
                f" {events / took:10,.0f}   {rest}",
                flush=True,
            )
            print(
                f"{'one INSERT per order':28} {'':7} {asyncio.run(by_inserts(database)):10,.0f}", flush=True
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
