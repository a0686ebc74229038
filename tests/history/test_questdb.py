"""QuestDB's answers are ClickHouse's: a real server of each, the same recorded day in both."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cift.history import archive, questdb_ticks, rules, store
from cift.history.lean import FEED
from cift.kernel.errors import Unavailable
from cift.platform.clickhouse import ClickHouse
from cift.platform.questdb import QuestDB
from cift.platform.settings import Settings
from cift.run.servers import free_port
from tests.history.test_bars_of_a_day import archived, messages

VERSION = "9.2.2"
JAR_TIMEOUT_S = 300
START_TIMEOUT_S = 120
SEEN_TIMEOUT_S = 120


def questdb_jar() -> Path:
    """The server, from Maven's own folder or by Maven; skips where there is no Java."""
    if shutil.which("java") is None:
        pytest.skip("no Java: QuestDB is a Java server")
    name = f"questdb-{VERSION}.jar"
    jar = Path.home() / ".m2" / "repository" / "org" / "questdb" / "questdb" / VERSION / name
    if not jar.exists():
        if shutil.which("mvn") is None:
            pytest.skip("no Maven to bring QuestDB")
        get = [
            "mvn",
            "-q",
            "dependency:get",
            f"-Dartifact=org.questdb:questdb:{VERSION}",
            "-Dtransitive=false",
            f"-Dmaven.repo.local={Path.home() / '.m2' / 'repository'}",
        ]
        subprocess.run(get, check=True, timeout=JAR_TIMEOUT_S)
    return jar


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A QuestDB of this module."""
    jar, folder = questdb_jar(), tmp_path_factory.mktemp("questdb")
    http, pg = free_port(), free_port()
    environment = {
        **os.environ,
        "QDB_HTTP_BIND_TO": f"127.0.0.1:{http}",
        "QDB_PG_NET_BIND_TO": f"127.0.0.1:{pg}",
        "QDB_LINE_TCP_ENABLED": "false",
        "QDB_HTTP_MIN_ENABLED": "false",
        "QDB_TELEMETRY_ENABLED": "false",
    }
    command = [
        "java",
        "-Xmx1g",
        "-p",
        str(jar),
        "-m",
        "io.questdb/io.questdb.ServerMain",
        "-d",
        str(folder),
        "-n",
    ]
    with (folder / "out").open("w") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield Settings(
            questdb_url=f"postgresql://admin:quest@127.0.0.1:{pg}/qdb",
            questdb_ilp=f"http::addr=127.0.0.1:{http};",
        )
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def questdb(addresses: Settings) -> AsyncIterator[QuestDB]:
    import asyncio

    found = QuestDB(addresses)
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            await found.rows("SELECT 1")
            break
        except Unavailable:
            assert time.monotonic() < deadline, "QuestDB does not start"
            await asyncio.sleep(0.5)
    yield found
    await found.close()


async def counted(questdb: QuestDB, table: str, symbol: str) -> int:
    ((count,),) = await questdb.rows(f"SELECT count() FROM {table} WHERE symbol = $1", symbol)
    return int(count)


async def seen(questdb: QuestDB, table: str, symbol: str, ticks: int) -> None:
    """Until what was written is seen: QuestDB applies its log a moment later."""
    import asyncio

    deadline = time.monotonic() + SEEN_TIMEOUT_S
    while await counted(questdb, table, symbol) != ticks:
        assert time.monotonic() < deadline, f"{await counted(questdb, table, symbol)} of {ticks}"
        await asyncio.sleep(0.2)


async def test_bars_of_a_day_are_equal_in_both_stores(
    questdb: QuestDB, clickhouse: ClickHouse, lean: Path
) -> None:
    told = messages(lean, "IBM", "trade")
    batches = archive.decode(told)
    ticks = sum(len(batch["times"]) for batch in batches)
    await archived(clickhouse, told)
    await questdb_ticks.archive(batches, questdb)
    await seen(questdb, "ticks", "IBM", ticks)
    since, until = 1_381_104_000, 1_381_104_000 + 2 * 86_400
    for seconds in (1, 60, 300, 3_600, 86_400):
        kept_s = rules.kept_for(seconds, by_session=False)
        kept = store.Kept(clickhouse, "IBM", kept_s, rules.sources_sql("outside", FEED), None)
        theirs = [rules.bar_of(row) for row in await kept.bars(seconds, since, until, 100_000)]
        ours = await questdb_ticks.bars("IBM", FEED, seconds, since, until, 100_000, questdb)
        assert len(ours) > 0 and ours == theirs, seconds
    # Again: nothing changes.
    await questdb_ticks.archive(batches[:3], questdb)
    await questdb_ticks.archive(batches[:1], questdb)
    before = await questdb_ticks.bars("IBM", FEED, 60, since, until, 100_000, questdb)
    assert await counted(questdb, "ticks", "IBM") == ticks
    assert await questdb_ticks.bars("IBM", FEED, 60, since, until, 100_000, questdb) == before


async def test_quotes_are_taken_too(questdb: QuestDB, lean: Path) -> None:
    told = archive.decode(messages(lean, "IBM", "quote")[:2])
    await questdb_ticks.archive(told, questdb)
    await seen(questdb, "quotes", "IBM", sum(len(batch["times"]) for batch in told))
    ((bid, quantity),) = await questdb.rows(
        "SELECT bid, bid_quantity FROM quotes WHERE symbol = 'IBM' AND sequence = $1",
        int(told[0]["sequences"][9]),
    )
    assert int(bid.scaleb(9)) == told[0]["bids"][9]
    assert int(quantity.scaleb(9)) == told[0]["bid_quantities"][9]
