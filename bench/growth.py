"""Bytes that one more account, order and trade add to the journal, the engine's state and memory, and
PostgreSQL.

    python -m bench.growth [--json] [--accounts 10000]

It sends commands to a new exchange: accounts with cash, then two resting orders for each account, then as
many orders that trade with them. After each step it measures sizes. A few hundred commands are in flight, as
under load: a record holds a batch of commands, and with one command in each record the figures would include
the headers of the records. Other load on the machine changes only the time of `cift verify`. The exit code is
always 0.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
NANOS = 10**9
IN_FLIGHT = 400
ORDERS_AN_ACCOUNT = 2
SYMBOL = "GROW"
PRICES = 200
PROJECT_TIMEOUT_S = 600
VERIFY_TIMEOUT_S = 600
MEASURED = ("journal", "state", "memory", "postgres")


async def submit_all(platform: Any, commands: Iterable[dict[str, Any]]) -> int:
    """Send all commands, at most IN_FLIGHT at a time. Returns their number."""
    source: Iterator[dict[str, Any]] = iter(commands)
    sent = 0

    async def sender() -> None:
        nonlocal sent
        for command in source:
            sent += 1
            await platform.engine.submit(command)

    await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
    return sent


async def measure(stack: Any, platform: Any) -> dict[str, float]:
    """Wait for the projectors, then return sizes in bytes, the number of commands and the time of
    `verify`."""
    import psutil

    _, last = await platform.nats.journal()
    deadline = time.monotonic() + PROJECT_TIMEOUT_S
    while await platform.database.fetchval("SELECT min(sequence) FROM projector_offsets") < last:
        assert time.monotonic() < deadline, f"the projectors are not done within {PROJECT_TIMEOUT_S} s"
        await asyncio.sleep(0.1)
    tables = await platform.database.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class c"
        " WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
    )
    import asyncpg

    connection = await asyncpg.connect(stack.run_file["postgres_url"])
    for table in tables:
        await connection.execute(f"VACUUM (FULL) {table['name']}")  # so that dead rows are not counted
    size = await connection.fetchval(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    )
    await connection.close()
    environment = {**os.environ, "CIFT_NATS_URL": stack.run_file["nats_url"]}
    from cift.run.servers import matchd_binary

    verified = await asyncio.to_thread(
        subprocess.run,
        [matchd_binary(), "verify", "--json"],
        env=environment,
        capture_output=True,
        check=True,
        timeout=VERIFY_TIMEOUT_S,
    )
    report = json.loads(verified.stdout)
    return {
        "journal": report["journal_bytes"],
        "state": report["state_bytes"],
        "memory": psutil.Process(stack.pid("matchd")).memory_info().rss,
        "postgres": float(size),
        "commands": report["commands"],
        "verify_ms": report["took_ms"],
    }


def open_commands(accounts: list[str]) -> Iterator[dict[str, Any]]:
    for account in accounts:
        yield {
            "type": "open_account",
            "account": account,
            "kind": "margin",
            "role": "customer",
            "currency": "USD",
        }


def deposit_commands(accounts: list[str]) -> Iterator[dict[str, Any]]:
    from cift.kernel.ids import uuid7

    for account in accounts:
        yield {"type": "deposit", "account": account, "transfer": uuid7(), "amount": 100_000 * NANOS}


def orders(accounts: list[str], side: str) -> Iterator[dict[str, Any]]:
    """Limit orders, each with an idempotency key, as functions send them. The sells have `PRICES` different
    prices. The buys have a price above all of them."""
    from cift.contracts.orders import NewOrder
    from cift.kernel.ids import uuid7
    from cift.trading import rules

    for number in range(ORDERS_AN_ACCOUNT * len(accounts)):
        cents = 10_000 + number % PRICES if side == "sell" else 10_000 + PRICES
        order = NewOrder(
            symbol=SYMBOL,
            side=side,
            type="limit",
            quantity="1",
            limit_price=f"{cents // 100}.{cents % 100:02}",
            time_in_force="day",
        )
        # Shifted by one, so that no account trades with itself.
        account = accounts[(number + (side == "buy")) % len(accounts)]
        yield rules.admit(order, account, uuid7(), uuid7())


async def grow(stack: Any, count: int) -> list[dict[str, Any]]:
    """The steps: name, number of items, bytes that each item added, and all sizes afterwards."""
    from cift import bootstrap
    from cift.kernel.ids import uuid7
    from cift.platform.stores import Platform

    platform = Platform(stack.settings())
    steps: list[dict[str, Any]] = []
    try:
        await platform.engine.submit({**bootstrap.instrument("SPY"), "symbol": SYMBOL})
        accounts = [uuid7() for _ in range(count)]
        sizes_before = await measure(stack, platform)
        for title, count_added, commands in (
            ("account with a deposit", count, (open_commands(accounts), deposit_commands(accounts))),
            ("resting order", count * ORDERS_AN_ACCOUNT, (orders(accounts, "sell"),)),
            ("trading order", count * ORDERS_AN_ACCOUNT, (orders(accounts, "buy"),)),
        ):
            for each in commands:
                await submit_all(platform, each)
            sizes = await measure(stack, platform)
            added = {name: (sizes[name] - sizes_before[name]) / count_added for name in MEASURED}
            steps.append({"step": title, "count": count_added, "bytes_each": added, "whole": sizes})
            sizes_before = sizes
    finally:
        await platform.close()
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--accounts", type=int, default=10_000)
    given = parser.parse_args()
    from tests.stack import Stack

    with tempfile.TemporaryDirectory(prefix="cift-bench-") as folder:
        with Stack.start(Path(folder) / "data") as stack:
            steps = asyncio.run(grow(stack, given.accounts))
    if given.json:
        print(json.dumps(steps, indent=2))
        return
    print(f"{'bytes added by each':32}{'count':>10}" + "".join(f"{name:>12}" for name in MEASURED))
    for step in steps:
        each = "".join(f"{step['bytes_each'][name]:12,.0f}" for name in MEASURED)
        print(f"{step['step']:32}{step['count']:10,}{each}")
    whole = steps[-1]["whole"]
    print(
        f"{whole['commands']:,} commands, journal {whole['journal'] / 1e6:.1f} MB, state"
        f" {whole['state'] / 1e6:.1f} MB; `cift verify` takes {whole['verify_ms'] / 1000:.1f} s"
    )


if __name__ == "__main__":
    main()
