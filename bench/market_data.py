"""Market data: throughput into the tick stores, queries from them, and the size of a tick on the wire.

Each figure is printed next to a baseline from the same run: precomputed bars and bars computed from raw
ticks; our batches, JSON and MessagePack. All ticks are synthetic, and everything runs on this machine.
"""

import argparse
import asyncio
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from cift_core import ticks

from cift.history import archive, questdb_ticks, rules
from cift.history import tick_export as history
from cift.history.clickhouse_store import ClickHouseStore
from cift.history.grid import Grid
from cift.history.questdb_store import QuestDBStore
from cift.history.tick_store import SourceFilter, TickStore
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Message
from cift.platform.questdb import QuestDB
from cift.platform.settings import Settings
from tests import questdb as server

NANOS = 10**9
DAY_NS = 1_700_006_400 * NANOS
SESSION_NS = 23_400 * NANOS
BATCH = 16_384
FEED, SYMBOL = "bench", "DAY"
REPEATS = 20
Query = Callable[[], Awaitable[Any]]


def columns(rows: int, begin: int, step_ns: int) -> dict[str, Any]:
    """The columns of trades of a feed, with prices from a random walk in cents."""
    rng = np.random.default_rng(begin)
    n = np.arange(begin, begin + rows, dtype=np.int64)
    return {
        "sequences": (n + 1).astype(np.uint64),
        "times": DAY_NS + n * step_ns,
        "prices": (45_000 + rng.integers(-1, 2, rows).cumsum()) * 10_000_000,
        "quantities": rng.integers(1, 500, rows) * NANOS,
        "sides": rng.integers(-1, 2, rows).astype(np.int8),
        "conditions": np.zeros(rows, np.uint32),
    }


def memory_mb() -> float:
    """The peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def best(times: int, work: Callable[[], object]) -> float:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def wire() -> None:
    """Encode and decode a batch of trades in three formats."""
    rows = BATCH
    c = columns(rows, 0, 2_340_000)
    names = ("sequence", "time", "price", "quantity", "side", "condition")
    plain = [
        dict(zip(names, row, strict=True)) for row in zip(*(a.tolist() for a in c.values()), strict=True)
    ]
    formats: dict[str, tuple[Callable[[], bytes], Callable[[bytes], object]]] = {
        "Cap'n Proto, columns": (
            lambda: ticks.encode_trades(FEED, SYMBOL, *c.values()),
            lambda data: ticks.decode_ticks(data)["prices"].sum(),
        ),
        "MessagePack, rows": (
            lambda: msgpack.packb(plain),
            lambda data: sum(row["price"] for row in msgpack.unpackb(data)),
        ),
        "JSON, rows": (
            lambda: json.dumps(plain).encode(),
            lambda data: sum(row["price"] for row in json.loads(data)),
        ),
    }
    print(f"a batch of {rows:,} trades            bytes/tick   encode ns/tick   decode and sum ns/tick")
    for name, (encode, decode) in formats.items():
        data = encode()
        out = best(5, encode) / rows * 1e9
        back = best(5, lambda decode=decode, data=data: decode(data)) / rows * 1e9  # type: ignore[misc]
        print(f"  {name:30s} {len(data) / rows:10.1f} {out:16.1f} {back:24.1f}")


def messages(rows: int) -> Iterator[list[Message]]:
    """A day's trades as messages of the stream TICKS, in portions."""
    step = SESSION_NS // rows
    for begin in range(0, rows, BATCH * 30):
        yield [
            Message(
                at + 1,
                "ticks",
                ticks.encode_trades(FEED, SYMBOL, *columns(min(BATCH, rows - at), at, step).values()),
                {},
                0,
            )
            for at in range(begin, min(begin + BATCH * 30, rows), BATCH)
        ]


async def ingest(clickhouse: ClickHouse, rows: int) -> None:
    took, worked = 0.0, 0.0
    for portion in messages(rows):
        began, cpu = time.perf_counter(), time.process_time()
        for kind, _, block in archive.blocks(archive.decode(portion)):
            await clickhouse.insert(archive.TABLES[kind], block)
        took += time.perf_counter() - began
        worked += time.process_time() - cpu
    print(
        f"archive into ClickHouse (embedded), including bars: {rows / took:12,.0f} ticks/s"
        f" (target: 1,000,000); {rows / worked:,.0f} ticks per CPU second"
    )
    await clickhouse.command("OPTIMIZE TABLE ticks_analytics FINAL")
    sizes = await clickhouse.rows(
        "SELECT table, sum(data_uncompressed_bytes), sum(data_compressed_bytes), sum(rows) FROM system.parts"
        " WHERE active AND table IN ('ticks_analytics', 'bars_analytics') GROUP BY table ORDER BY table"
    )
    for table, plain, packed, count in sizes:
        ratio = 100 * (1 - packed / plain)
        print(f"  {table:18s} {count:12,} rows, {packed / count:6.2f} bytes a row, {ratio:.0f} % compressed")


async def ingest_questdb(questdb: QuestDB, rows: int) -> None:
    took, began = 0.0, time.perf_counter()
    for portion in messages(rows):
        at = time.perf_counter()
        await questdb_ticks.archive(archive.decode(portion), questdb)
        took += time.perf_counter() - at
    await server.followed(questdb, "ticks", SYMBOL, rows)
    print(
        f"archive into QuestDB (a server): {rows / took:12,.0f} ticks/s acknowledged (target: 1,400,000);"
        f" visible, with bars, at {rows / (time.perf_counter() - began):,.0f} ticks/s"
    )


RAW = """
WITH bitShiftLeft(toUInt128(toUnixTimestamp64Nano(at)), 64) + sequence AS place
SELECT intDiv(toUnixTimestamp64Second(at), 60) * 60 AS begins, argMin(price, place), max(price), min(price),
    argMax(price, place), sum(toDecimal128(quantity, 9)), sum(toDecimal128(price, 9) * quantity), count()
FROM ticks_analytics WHERE symbol = 'DAY' AND source = 'bench' GROUP BY begins ORDER BY begins
"""
"""Without FINAL, because no tick was delivered twice here: the fastest possible scan."""


async def bars(store: str, precomputed: Query, scan: Query) -> None:
    async def timed(query: Query, times: int) -> tuple[float, Any]:
        found = []
        for _ in range(times):
            began = time.perf_counter()
            rows = await query()
            found.append(time.perf_counter() - began)
        return sorted(found)[len(found) // 2], rows

    quick, one = await timed(precomputed, REPEATS)
    slow, other = await timed(scan, 3)
    assert [rules.bar_of(row) for row in one] == [rules.bar_of(row) for row in other], "the bars differ"
    print(
        f"{len(one)} minute bars of the day, {store}: precomputed {quick * 1e3:8.2f} ms (target: 3), from raw"
        f" ticks {slow * 1e3:10.1f} ms, {slow / quick:,.0f} times as long, with equal results"
    )


def bars_of_the_day(store: TickStore, sources: SourceFilter) -> Query:
    begin = DAY_NS // NANOS
    found = store.bars_of(SYMBOL, 60, sources, None)
    return lambda: found.bars(Grid(60), begin, begin + 86_400, 10_000)


async def export(clickhouse: ClickHouse, rows: int, form: history.Form) -> None:
    span = rules.Range(DAY_NS, DAY_NS + 86_400 * NANOS)
    before, began, size = memory_mb(), time.perf_counter(), 0
    export_query = history.Export(SYMBOL, FEED, "trades", span, None)
    async for piece in history.pages(export_query, form, ClickHouseStore(clickhouse)):
        size += len(piece)
    took = time.perf_counter() - began
    print(
        f"export as {form:8s} {rows / took:12,.0f} ticks/s, {size / rows:6.1f} bytes a tick;"
        f" peak memory {before:,.0f} → {memory_mb():,.0f} MB"
    )


async def stores(rows: int, folder: Path) -> None:
    clickhouse = ClickHouse(Settings(clickhouse_url=f"chdb://{folder}"))
    try:
        await ingest(clickhouse, rows)
        precomputed = bars_of_the_day(ClickHouseStore(clickhouse), SourceFilter(FEED))
        await bars("ClickHouse", precomputed, lambda: clickhouse.rows(RAW))
        # ClickHouse merges parts in the background; here it is forced, to measure both states.
        await clickhouse.command("OPTIMIZE TABLE bars_analytics FINAL")
        await bars("ClickHouse, merged", precomputed, lambda: clickhouse.rows(RAW))
        for form in ("parquet", "csv", "json"):
            await export(clickhouse, rows, form)  # type: ignore[arg-type]
    finally:
        await clickhouse.close()


async def other_store(rows: int, folder: Path) -> None:
    with server.running(folder) as settings:
        questdb = await server.opened(settings)
        try:
            await ingest_questdb(questdb, rows)
            store = QuestDBStore(questdb)
            # Bars over all sources are not precomputed, so this query reads the ticks.
            await bars(
                "QuestDB",
                bars_of_the_day(store, SourceFilter(FEED)),
                bars_of_the_day(store, SourceFilter(None)),
            )
        finally:
            await questdb.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.market_data", description=__doc__)
    parser.add_argument("--ticks", type=int, default=10_000_000, help="number of ticks in the day")
    chosen = parser.parse_args()
    wire()
    folder = Path(tempfile.mkdtemp(prefix="cift-bench-"))
    try:
        asyncio.run(stores(chosen.ticks, folder / "clickhouse"))
        (folder / "questdb").mkdir()
        asyncio.run(other_store(chosen.ticks, folder / "questdb"))
    except server.NoServer as error:
        print(f"QuestDB was not measured: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
