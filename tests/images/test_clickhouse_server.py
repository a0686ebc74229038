"""ClickHouse for a development cluster (k8s/servers/clickhouse.py), with our client and with plain HTTP."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from cift_core import ticks

from cift.history import archive
from cift.history.clickhouse_store import ClickHouseStore
from cift.history.grid import Grid
from cift.history.tick_store import BarRow, SourceFilter, TickPage
from cift.kernel.errors import Unavailable
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Message
from cift.platform.settings import Settings
from cift.run.servers import free_port
from tests.stack import ROOT
from tests.target import DEADLINE_S, eventually

PASSWORD = "it's a \\password"
DAY_NS = 1_700_006_400 * 10**9
ROWS, STEP_NS = 5_000, 10**8


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run the server. Yields its URL without a password."""
    port, secret = free_port(), folder.with_suffix(".secret")
    secret.write_text(PASSWORD)
    environment = {
        "CIFT_CLICKHOUSE_FOLDER": str(folder),
        "CIFT_CLICKHOUSE_PASSWORD_FILE": str(secret),
        "CIFT_CLICKHOUSE_PORT": str(port),
    }
    folder.mkdir(exist_ok=True)
    server = subprocess.Popen(
        [sys.executable, "k8s/servers/clickhouse.py"], cwd=ROOT, env={**os.environ, **environment}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(
            lambda: httpx.get(f"{url}/ping", timeout=DEADLINE_S).text == "Ok.\n", "the server responds"
        )
        yield url
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE_S) == 0
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("clickhouse") / "data") as url:
        yield url


def client(url: str, password: str = PASSWORD) -> ClickHouse:
    quoted = "".join(f"%{byte:02X}" for byte in password.encode())
    return ClickHouse(Settings(clickhouse_url=url.replace("://", f"://cift:{quoted}@") + "/default"))


def trades() -> Message:
    n = np.arange(ROWS, dtype=np.int64)
    columns = {
        "sequences": (n + 1).astype(np.uint64),
        "times": DAY_NS + n * STEP_NS,
        "prices": (100_00 + n % 7) * 10_000_000,
        "quantities": (n % 5 + 1) * 10**9,
        "sides": np.ones(ROWS, np.int8),
        "conditions": np.zeros(ROWS, np.uint32),
    }
    return Message(1, "ticks", ticks.encode_trades("feed", "HTTP", *columns.values()), {}, 0)


async def stored_bars(clickhouse: ClickHouse) -> list[BarRow]:
    begin = DAY_NS // 10**9
    return (
        await ClickHouseStore(clickhouse)
        .bars_of("HTTP", 60, SourceFilter("feed"), None)
        .bars(Grid(60), begin, begin + 600, 99)
    )


async def test_ticks_are_stored_and_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path / "data") as url:
        clickhouse = client(url)
        for _ in range(2):  # a tick that is inserted twice counts once
            for kind, _, block in archive.blocks(archive.decode([trades()])):
                await clickhouse.insert(archive.TABLES[kind], block)
        bars = await stored_bars(clickhouse)
        await clickhouse.close()
    assert [bar[7] for bar in bars] == [600] * 8 + [200]
    with running(tmp_path / "data") as url:
        clickhouse = client(url)
        assert await stored_bars(clickhouse) == bars
        store = ClickHouseStore(clickhouse)
        page = TickPage("HTTP", "feed", "trades", DAY_NS, DAY_NS + 10**12, 0, ROWS)
        assert len((await store.text(page, "JSONEachRow")).splitlines()) == ROWS
        assert (await store.table(page)).num_rows == ROWS
        await clickhouse.close()


async def test_a_wrong_password_is_rejected(server: str) -> None:
    clickhouse = client(server, "guess")
    with pytest.raises(Exception, match="AUTHENTICATION_FAILED"):
        await clickhouse.rows("SELECT 1")


def test_a_missing_password_is_rejected(server: str) -> None:
    assert httpx.post(server, content="SELECT 1", timeout=DEADLINE_S).status_code == 401


async def test_errors_have_clickhouses_codes(server: str) -> None:
    clickhouse = client(server)
    with pytest.raises(Exception, match="UNKNOWN_TABLE"):
        await clickhouse.rows("SELECT * FROM nowhere")
    with pytest.raises(Unavailable):
        await clickhouse.rows("SELECT sleepEachRow(0.5) FROM numbers(9) SETTINGS max_execution_time = 1")
    assert await clickhouse.rows("SELECT {it:String}", {"it": "a 'quoted' \\ word"}) == [
        ("a 'quoted' \\ word",)
    ]
    await clickhouse.close()


async def test_concurrent_queries_all_succeed(server: str) -> None:
    clickhouse = client(server)
    found = await asyncio.gather(*(clickhouse.rows("SELECT {n:UInt32}", {"n": n}) for n in range(50)))
    assert [rows[0][0] for rows in found] == list(range(50))
    await clickhouse.close()


def test_settings_apply_to_one_statement_only(server: str) -> None:
    auth = ("cift", PASSWORD)
    query = "SELECT value FROM system.settings WHERE name = 'max_block_size'"
    assert (
        httpx.post(server, params={"max_block_size": "77"}, content=query, auth=auth, timeout=DEADLINE_S).text
        == "77\n"
    )
    assert httpx.post(server, content=query, auth=auth, timeout=DEADLINE_S).text != "77\n"
    wrong = httpx.post(
        server, params={"max_block_size; SELECT": "1"}, content=query, auth=auth, timeout=DEADLINE_S
    )
    assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (404, "115")


def test_a_chunked_body_is_inserted_and_a_compressed_one_rejected(server: str) -> None:
    auth = ("cift", PASSWORD)
    httpx.post(
        server, content="CREATE TABLE chunks (n UInt32) ENGINE = Memory", auth=auth, timeout=DEADLINE_S
    ).raise_for_status()
    insert = {"query": "INSERT INTO chunks FORMAT TSV"}
    httpx.post(
        server, params=insert, content=iter([b"1\n2", b"2\n", b"3\n"]), auth=auth, timeout=DEADLINE_S
    ).raise_for_status()
    result = httpx.post(
        server, content="SELECT * FROM chunks ORDER BY n FORMAT CSV", auth=auth, timeout=DEADLINE_S
    )
    assert (result.text, result.headers["X-ClickHouse-Format"]) == ("1\n3\n22\n", "CSV")
    packed = httpx.post(
        server,
        params=insert,
        content=b"x",
        headers={"Content-Encoding": "gzip"},
        auth=auth,
        timeout=DEADLINE_S,
    )
    assert packed.status_code == 400 and "UNKNOWN_COMPRESSION_METHOD" in packed.text
