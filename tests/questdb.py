"""A QuestDB server for a test, started in a folder and stopped at the end of the block."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cift.kernel.errors import Unavailable
from cift.platform.questdb import QuestDB
from cift.platform.settings import Settings
from cift.run.servers import free_port

VERSION = "9.2.2"
JAR_TIMEOUT_S = 300
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
FOLLOW_TIMEOUT_S = 120


class NoServer(Exception):
    """There is no QuestDB on this machine; the text is the reason."""


def jar() -> Path:
    """The server's jar, from Maven's folder or downloaded by Maven. Raises NoServer."""
    if shutil.which("java") is None:
        raise NoServer("no Java: QuestDB is a Java server")
    repository = Path.home() / ".m2" / "repository"
    found = repository / "org" / "questdb" / "questdb" / VERSION / f"questdb-{VERSION}.jar"
    if not found.exists():
        if shutil.which("mvn") is None:
            raise NoServer("no Maven to download QuestDB")
        artifact = ("-Dtransitive=false", f"-Dartifact=org.questdb:questdb:{VERSION}")
        get = ["mvn", "-q", "dependency:get", *artifact, f"-Dmaven.repo.local={repository}"]
        subprocess.run(get, check=True, timeout=JAR_TIMEOUT_S)
    return found


@contextmanager
def running(folder: Path) -> Iterator[Settings]:
    """Run the server; yields the settings of its clients. Raises NoServer."""
    http, pg = free_port(), free_port()
    environment = {
        **os.environ,
        "QDB_HTTP_BIND_TO": f"127.0.0.1:{http}",
        "QDB_PG_NET_BIND_TO": f"127.0.0.1:{pg}",
        "QDB_LINE_TCP_ENABLED": "false",
        "QDB_HTTP_MIN_ENABLED": "false",
        "QDB_TELEMETRY_ENABLED": "false",
    }
    main = ("-m", "io.questdb/io.questdb.ServerMain", "-d", str(folder), "-n")
    command = ["java", "-Xmx1g", "-p", str(jar()), *main]
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
            server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()


async def opened(settings: Settings) -> QuestDB:
    """A client, once the server responds."""
    found = QuestDB(settings)
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            await found.rows("SELECT 1")
        except Unavailable:
            assert time.monotonic() < deadline, "QuestDB does not start"
            await asyncio.sleep(0.5)
        else:
            return found


async def count(questdb: QuestDB, table: str, symbol: str) -> int:
    """The number of visible rows of a symbol."""
    ((found,),) = await questdb.rows(f"SELECT count() FROM {table} WHERE symbol = $1", symbol)
    return int(found)


async def followed(questdb: QuestDB, table: str, symbol: str, rows: int) -> None:
    """Wait until that many rows are visible (QuestDB applies its log with a delay), and its views are up to
    date with them."""
    behind = (
        "SELECT view_name FROM materialized_views()"
        " WHERE refresh_base_table_txn < base_table_txn OR view_status = 'refreshing'"
    )
    deadline = time.monotonic() + FOLLOW_TIMEOUT_S
    while (seen := await count(questdb, table, symbol)) != rows or await questdb.rows(behind):
        assert time.monotonic() < deadline, f"{seen} of {rows} rows in {table}, or views behind"
        await asyncio.sleep(0.1)
