"""QuestDB returns the same results as ClickHouse: real stores with the same recorded day in both."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import orjson
import pytest
import pytest_asyncio
from cift_core.ticks import encode_trades
from pyarrow import parquet

from cift.history import archive, questdb_ticks, rules, tick_export
from cift.history.clickhouse_store import ClickHouseStore
from cift.history.questdb_store import QuestDBStore
from cift.history.tick_store import Kind, TickStore
from cift.kernel.clock import parse_rfc3339
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Message
from cift.platform.questdb import QuestDB
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from tests import questdb as server
from tests.history.test_archive_and_query import columns, get, items, publish
from tests.history.test_bars_of_recorded_day import FEED, INTERVALS, archived, computed, messages, stored
from tests.stack import Stack, eventually
from tests.venue import refusal

VIEWS_TIMEOUT_S = 120


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A QuestDB server for this module."""
    try:
        with server.running(tmp_path_factory.mktemp("questdb")) as settings:
            yield settings
    except server.NoServer as error:
        pytest.skip(str(error))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def questdb(addresses: Settings) -> AsyncIterator[QuestDB]:
    found = await server.opened(addresses)
    yield found
    await found.close()


async def archived_in_questdb(questdb: QuestDB, messages: list[Message]) -> list[archive.Batch]:
    """Archive messages of one symbol and kind, and wait until all are visible; returns their batches."""
    batches = archive.decode(messages)
    await questdb_ticks.archive(batches, questdb)
    table = questdb_ticks.TABLES[batches[0]["kind"]]
    ticks = sum(len(batch["times"]) for batch in batches)
    await server.followed(questdb, table, batches[0]["symbol"], ticks)
    return batches


async def test_bars_of_a_recorded_day_are_equal_in_both_stores(
    questdb: QuestDB, clickhouse: ClickHouse, lean: Path
) -> None:
    of_ticks = messages(lean, "IBM", "trade")
    decoded = await archived_in_questdb(questdb, of_ticks)
    await archived(clickhouse, of_ticks)
    assert await questdb.views() == {"bars_1m", "bars_1h", "bars_1d"}
    theirs, ours = ClickHouseStore(clickhouse), QuestDBStore(questdb)
    for interval, seconds in INTERVALS.items():
        bars = await stored(ours, "IBM", interval)
        assert bars == computed(lean, "IBM", seconds) == await stored(theirs, "IBM", interval), interval
    for interval in ("1m", "5m", "1h", "1d"):
        bars = await stored(ours, "IBM", interval, "regular", limit=7)
        assert bars == await stored(theirs, "IBM", interval, "regular", limit=7), interval
        assert len(bars) > 0
    # Archiving again changes nothing.
    ticks, before = await server.count(questdb, "ticks", "IBM"), await stored(ours, "IBM", "1m")
    await questdb_ticks.archive(decoded[:3], questdb)
    await questdb_ticks.archive(decoded[:1], questdb)
    assert await server.count(questdb, "ticks", "IBM") == ticks
    assert await stored(ours, "IBM", "1m") == before


async def test_a_bar_of_many_sessions_is_joined(questdb: QuestDB, clickhouse: ClickHouse) -> None:
    """More sessions than one query covers, with ticks before, in and after each."""
    days = range(300)
    begin_s = 1_514_764_800  # 2018-01-01
    minutes = [*range(13 * 60, 15 * 60, 7), *range(19 * 60, 22 * 60, 11)]
    times = np.array([(begin_s + d * 86_400 + m * 60) * 10**9 for d in days for m in minutes], np.int64)
    n = np.arange(len(times), dtype=np.int64)
    prices, quantities = 100 * 10**9 + n % 977 * 10**7, (1 + n % 13) * 10**9
    data = encode_trades(
        FEED, "MANY", (n + 1).astype(np.uint64), times, prices, quantities, np.zeros(len(n), np.int8),
        np.zeros(len(n), np.uint32),
    )  # fmt: skip
    of_ticks = [Message(1, "ticks", data, {}, 0)]
    await archived(clickhouse, of_ticks)
    await archived_in_questdb(questdb, of_ticks)
    span = {"begin": "2018-01-01T00:00:00Z", "end": "2018-11-01T00:00:00Z"}
    for interval, hours in (("90d", "regular"), ("1d", "regular"), ("30m", "regular"), ("90d", "all")):
        ours = await stored(QuestDBStore(questdb), "MANY", interval, hours, **span)
        assert ours == await stored(ClickHouseStore(clickhouse), "MANY", interval, hours, **span), interval
        assert len(ours) > 3
    for interval, hours in (("1d", "all"), ("7d", "all"), ("1d", "regular")):
        near = {**span, "zone": "America/New_York"}
        ours = await stored(QuestDBStore(questdb), "MANY", interval, hours, **near)
        assert ours == await stored(ClickHouseStore(clickhouse), "MANY", interval, hours, **near), interval
        assert {int(bar[0]) % 86_400 for bar in ours} == {4 * 3_600, 5 * 3_600}, "midnights of New York"


async def body(store: TickStore, export: tick_export.Export, form: tick_export.Form) -> bytes:
    return b"".join([piece async for piece in tick_export.pages(export, form, store)])


@pytest.mark.parametrize("kind", ["trades", "quotes"])
async def test_exports_are_equal_byte_by_byte(
    questdb: QuestDB, clickhouse: ClickHouse, lean: Path, kind: Kind
) -> None:
    of_ticks = messages(lean, "AIG", "trade" if kind == "trades" else "quote")
    await archived_in_questdb(questdb, of_ticks)
    await archived(clickhouse, of_ticks)
    since, until = (parse_rfc3339(f"2013-10-07T{clock}Z") for clock in ("13:00:00", "13:50:00"))
    assert since and until
    export = tick_export.Export("AIG", FEED, kind, rules.Range(since, until), None)
    for form in ("json", "csv", "parquet"):
        ours = await body(QuestDBStore(questdb), export, form)
        theirs = await body(ClickHouseStore(clickhouse), export, form)
        if form != "parquet":
            assert ours == theirs
            continue
        mine, other = (parquet.read_table(io.BytesIO(each)) for each in (ours, theirs))
        assert mine.num_rows > 1000
        assert mine.schema == other.schema
        assert mine.equals(other)


async def test_factors_are_equal(questdb: QuestDB, clickhouse: ClickHouse) -> None:
    rows = [["2005-06-08", "0.9817112", "0.5"], ["2050-12-31", "1", "1"]]
    data = orjson.dumps({"symbol": "SPLIT", "factors": rows})
    factors = archive.factors([Message(1, "factors.SPLIT", data, {}, 0)])
    for _ in range(2):
        await questdb_ticks.archive_factors(factors, questdb)
    await clickhouse.insert("price_factors", archive.factor_block(*factors[0]))
    await server.followed(questdb, "price_factors", "SPLIT", 2)
    ours = await QuestDBStore(questdb).factors("SPLIT")
    assert ours == await ClickHouseStore(clickhouse).factors("SPLIT") == factors[0][1]


async def test_quotes_are_archived(questdb: QuestDB, lean: Path) -> None:
    batches = await archived_in_questdb(questdb, messages(lean, "IBM", "quote")[:2])
    ((bid, quantity),) = await questdb.rows(
        "SELECT bid, bid_quantity FROM quotes WHERE symbol = 'IBM' AND sequence = $1",
        int(batches[0]["sequences"][9]),
    )
    assert int(bid.scaleb(9)) == batches[0]["bids"][9]
    assert int(quantity.scaleb(9)) == batches[0]["bid_quantities"][9]


async def test_questdb_works_as_the_only_store(addresses: Settings, questdb: QuestDB, tmp_path: Path) -> None:
    """Without ClickHouse, a feed's ticks are queried over HTTP."""
    rows, symbol = 40_000, "LONE"
    urls = {"questdb_url": addresses.questdb_url, "questdb_ilp": addresses.questdb_ilp}
    with Stack.start(tmp_path / "data", **urls) as stack:
        platform = Platform(stack.settings(**urls))
        await publish(platform, symbol, rows)
        await platform.close()
        span = {"start": "2023-11-14T22:13:20Z", "end": "2023-11-14T22:15:00Z"}
        eventually(lambda: len(items(stack, f"history/{symbol}", **span)) == rows, "all ticks", 120)
        file = get(stack, f"history/{symbol}", format="parquet", **span).content
        got = parquet.read_table(io.BytesIO(file))
        assert got["price"].to_pylist() == [
            Decimal(int(price)).scaleb(-9) for price in columns(rows)["prices"]
        ]
        bars = items(stack, f"bars/{symbol}", interval="1s", source="outside")
        assert sum(int(bar["trades"]) for bar in bars) == rows
        refusal(get(stack, "bars/NOBODY", interval="1s", source="outside"), 404, "unknown_symbol")


async def test_an_outdated_view_is_not_read(addresses: Settings, questdb: QuestDB, lean: Path) -> None:
    async def until(holds: Callable[[frozenset[str]], bool]) -> QuestDB:
        deadline = time.monotonic() + VIEWS_TIMEOUT_S
        while True:
            client = QuestDB(addresses)  # a new client: one caches the list of views for a while
            if holds(await client.views()):
                return client
            await client.close()
            assert time.monotonic() < deadline
            await asyncio.sleep(0.5)

    await archived_in_questdb(questdb, messages(lean, "AIG", "trade"))
    await questdb.rows("UPDATE ticks SET price = price + 1.0m WHERE symbol = 'AIG'")
    without = await until(lambda views: not views)
    changed = await stored(QuestDBStore(without), "AIG", "1h")
    await without.close()
    assert [bar[1] for bar in changed] == [bar[1] + 1 for bar in computed(lean, "AIG", 3_600)]
    for view in ("bars_1m", "bars_1h", "bars_1d"):
        await questdb.rows(f"REFRESH MATERIALIZED VIEW {view} FULL")
        again = await until(lambda views, view=view: view in views)  # type: ignore[misc]
        assert await stored(QuestDBStore(again), "AIG", "1h") == changed
        await again.close()
