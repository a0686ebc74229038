"""ClickHouse: a server, or the same engine inside this process (chdb).

The URL alone decides which: `http(s)://…` or `chdb://<folder>`; `none` means no analytics. Statements run in
threads of their own, never in the event loop, and have a deadline. The schema is migrated when the store is
first used, because no other process can open an embedded one.

Known limits: chdb lets only one process open a folder and runs one statement at a time. A statement that
passes its deadline there runs on until ClickHouse's own `max_execution_time` ends it.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from cift.kernel.errors import Unavailable
from cift.platform.settings import Settings

log = logging.getLogger("cift.clickhouse")
CONNECT_TIMEOUT_S = 3
ANSWER_TIMEOUT_S = 25
"""Below the timeout of an HTTP function (30 s)."""
THREADS = 2
EMBEDDED = "chdb://"
EMBEDDED_MEMORY_BYTES = 2 * 1024**3
_TRANSIENT_CODES = (159, 160, 202, 241)
"""TIMEOUT_EXCEEDED, TOO_SLOW, TOO_MANY_SIMULTANEOUS_QUERIES, MEMORY_LIMIT_EXCEEDED: retry, or request
less."""

T = TypeVar("T")
Parameters = dict[str, Any]


class ClickHouse:
    """The analytics store of this process, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.clickhouse_url
        self._opened: Any = None
        self._opening = asyncio.Lock()
        self._threads: ThreadPoolExecutor | None = None

    @property
    def is_on(self) -> bool:
        """Whether this exchange has an analytics store."""
        return self._url != "none"

    async def rows(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of the result; parameters are written `{name:Type}` in the statement.

        Raises:
            Unavailable: `analytics_off`, `analytics_unavailable`.
        """
        return await self._run(lambda client: list(client.query(sql, parameters=parameters).result_rows))

    async def table(self, sql: str, parameters: Parameters | None = None) -> Any:
        """The result as a `pyarrow.Table`. Raises as `rows`."""
        return await self._run(lambda client: client.query_arrow(sql, parameters=parameters))

    async def text(self, sql: str, form: str, parameters: Parameters | None = None) -> bytes:
        """The result in one of ClickHouse's own formats. Raises as `rows`."""
        settings = {
            "output_format_json_quote_decimals": 1,
            "format_csv_null_representation": "",
            "output_format_json_quote_64bit_integers": 0,
            # Nine digits: with fewer, the next page would begin before the last row of this one.
            "formatdatetime_f_prints_scale_number_of_digits": 1,
        }
        return await self._run(
            lambda client: client.raw_query(sql, parameters=parameters, settings=settings, fmt=form)
        )

    async def insert(self, table: str, block: bytes, settings: Parameters | None = None) -> None:
        """Insert one block (`cift.platform.native`). Raises as `rows`; then the block may have been inserted,
        and the caller inserts it again: every table drops duplicates."""
        await self._run(
            lambda client: client.raw_insert(table, insert_block=block, fmt="Native", settings=settings or {})
        )

    async def command(self, sql: str, parameters: Parameters | None = None) -> Any:
        """Run a statement that returns no rows, or one value. Raises as `rows`."""
        return await self._run(lambda client: client.command(sql, parameters=parameters))

    async def close(self) -> None:
        threads, client, self._threads, self._opened = self._threads, self._opened, None, None
        if threads is not None:
            if client is not None:
                await asyncio.get_running_loop().run_in_executor(threads, client.close)
            threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[Any], T]) -> T:
        if not self.is_on:
            raise Unavailable(
                "analytics_off",
                "This exchange has no analytics store (CIFT_CLICKHOUSE_URL is none)",
                retry_after=3600,
            )
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, "clickhouse")
        loop = asyncio.get_running_loop()
        try:
            async with self._opening:
                if self._opened is None:
                    self._opened = await loop.run_in_executor(self._threads, _open, self._url)
            running = loop.run_in_executor(self._threads, work, self._opened)
            return await asyncio.wait_for(running, ANSWER_TIMEOUT_S + 1)
        except Exception as error:
            if _is_transient(error):
                raise Unavailable("analytics_unavailable", "The analytics store does not respond") from error
            raise


def _open(url: str) -> Any:
    import clickhouse_connect

    from cift.platform.clickhouse_schema import migrate

    limits = {"max_execution_time": ANSWER_TIMEOUT_S}
    if url.startswith(EMBEDDED):
        folder = Path(url.removeprefix(EMBEDDED))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        client = clickhouse_connect.get_client(
            interface="chdb",
            path=str(folder),
            settings={**limits, "max_memory_usage": EMBEDDED_MEMORY_BYTES, "max_threads": THREADS},
        )
    else:
        client = clickhouse_connect.get_client(
            dsn=url,
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=ANSWER_TIMEOUT_S,
            autogenerate_session_id=False,  # a session allows one query at a time
            settings=limits,
        )
    for name in migrate(client):
        log.info("ClickHouse: ran the migration %s", name)
    return client


def _is_transient(error: Exception) -> bool:
    """Whether a retry may succeed: the store is unreachable, slow, or short of memory."""
    if isinstance(error, OSError | TimeoutError):
        return True
    from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

    if isinstance(error, OperationalError):
        return True
    return isinstance(error, DatabaseError) and any(f"ode: {code}" in str(error) for code in _TRANSIENT_CODES)
