"""QuestDB: writes ticks by its own client (ILP over HTTP), and reads over PostgreSQL's protocol.

It listens on two ports, so there are two settings: `CIFT_QUESTDB_URL` (postgresql://…:8812/qdb) for reads,
and `CIFT_QUESTDB_ILP` (the client's configuration string: `http::addr=host:9000;`) for writes. `none` means
no QuestDB.

An insert is acknowledged when it is in the server's log on disk; reads see it a moment later. Inserting the
same rows again changes nothing (DEDUP). PostgreSQL's protocol has no nanoseconds, so times are read as
integers.
"""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import asyncpg

from cift.kernel.errors import Unavailable
from cift.platform.clickhouse_schema import statements
from cift.platform.settings import Settings

log = logging.getLogger("cift.questdb")
SCHEMA = Path(__file__).resolve().parent.parent.parent / "database" / "questdb" / "schema.sql"
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 25.0
CONNECTIONS_MAX = 4
VIEWS_KNOWN_S = 10.0
_GONE = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


class QuestDB:
    """The tick store of this process, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._ilp = settings.questdb_url, settings.questdb_ilp
        self._pool: Any = None
        self._senders: list[Any] = []
        """The idle senders; each has a connection."""
        self._opening = asyncio.Lock()
        self._views: frozenset[str] = frozenset()
        self._views_until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether this exchange has a QuestDB."""
        return self._url != "none"

    async def write(
        self, table: str, columns: dict[str, Any], symbols: tuple[str, ...], at: str = "at"
    ) -> None:
        """Write a frame's columns; `at` is the name of the column with the rows' times.

        Raises:
            Unavailable: `ticks_unavailable`: the rows may have been written; writing them again is safe.
        """
        await (
            self._opened()
        )  # creates the table with its keys; otherwise QuestDB would guess it from the rows
        await asyncio.to_thread(self._write, table, columns, symbols, at)

    def _write(self, table: str, columns: dict[str, Any], symbols: tuple[str, ...], at: str) -> None:
        import pandas
        from questdb import QuestDBError

        frame = pandas.DataFrame(columns)
        try:
            sender = self._senders.pop() if self._senders else _sender(self._ilp)
            try:
                # One flush, which is one transaction of the table.
                sender.dataframe(frame, table_name=table, symbols=list(symbols), at=at)
                sender.flush()
            except BaseException:
                sender.close(flush=False)
                raise
        except (QuestDBError, OSError) as error:
            raise _unavailable() from error
        self._senders.append(sender)

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """The rows of a query. Raises Unavailable."""
        pool = await self._opened()
        try:
            rows: list[Any] = await pool.fetch(sql, *arguments, timeout=ANSWER_TIMEOUT_S)
        except _GONE as error:
            raise _unavailable() from error
        return rows

    async def views(self) -> frozenset[str]:
        """The materialized views that are up to date with their tables, at most `VIEWS_KNOWN_S` old. Raises
        Unavailable."""
        if time.monotonic() > self._views_until:
            found = await self.rows("SELECT view_name, view_status FROM materialized_views()")
            self._views = frozenset(name for name, status in found if status == "valid")
            self._views_until = time.monotonic() + VIEWS_KNOWN_S
            # The third status, "refreshing", ends by itself.
            for name in sorted(name for name, status in found if status == "invalid"):
                log.error(
                    "QuestDB: the view %s is invalid; run REFRESH MATERIALIZED VIEW %s FULL", name, name
                )
        return self._views

    async def _opened(self) -> Any:
        if not self.is_on:
            raise Unavailable(
                "analytics_off", "This exchange has no QuestDB (CIFT_QUESTDB_URL is none)", 3600
            )
        async with self._opening:
            if self._pool is None:
                try:
                    # QuestDB's prepared statements do not survive a change of the schema.
                    self._pool = await asyncpg.create_pool(
                        self._url,
                        min_size=0,
                        max_size=CONNECTIONS_MAX,
                        timeout=CONNECT_TIMEOUT_S,
                        statement_cache_size=0,
                        reset=_no_reset,
                    )
                    for statement in statements(SCHEMA.read_text()):
                        await self._pool.execute(statement)
                except _GONE as error:
                    self._pool = None
                    raise _unavailable() from error
        return self._pool

    async def close(self) -> None:
        senders, self._senders = self._senders, []
        for sender in senders:
            sender.close(flush=False)
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()


async def _no_reset(connection: Any) -> None:
    """Replaces asyncpg's reset, which QuestDB does not support. No statement here leaves session state."""


def _unavailable() -> Unavailable:
    return Unavailable("ticks_unavailable", "QuestDB does not respond")


def _sender(ilp: str) -> Any:
    from questdb import Sender

    # Decimals need version 3 of the protocol.
    sender = Sender.from_conf(f"{ilp.rstrip(';')};protocol_version=3;auto_flush=off;")
    sender.establish()  # type: ignore[no-untyped-call]
    return sender
