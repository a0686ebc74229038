"""PostgreSQL: reads under row-level security, writes, read-your-writes, projections with their offset.

Each process has one small pool, opened on first use. `read` uses the role `cift_function`, which sees only
the rows of the account that the transaction sets; `write` uses the owner. A connection that was lost with
the server is replaced without an error, as long as nothing was sent on it. A pool may have a single
connection, so code that holds one must not acquire a second.

A pooler (PgBouncer, transaction mode) may be in front of the server. So each use here is one transaction or
one statement, and nothing may depend on the session: no SET, LISTEN, temporary table or session-level
advisory lock (tests/tidy/test_sessions.py).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from cift.kernel.errors import Expected, OutcomeUnknown, ReadModelBehind, Unavailable
from cift.kernel.ids import parse_uuid
from cift.platform import telemetry
from cift.platform.journal import Batch
from cift.platform.settings import Settings

log = logging.getLogger("cift.postgres")

FUNCTION_ROLE = "cift_function"
CONNECT_TIMEOUT_S = 2.0
ACQUIRE_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_S = 10.0
BEGIN_TRIES_MAX = 10  # each try replaces one lost connection of the pool
CAUGHT_UP_TIMEOUT_S = 2.0
POLL_FIRST_S = 0.001
POLL_MAX_S = 0.02

if TYPE_CHECKING:
    from cift.platform.engine import Engine
    from cift.platform.nats import Nats

    # generic only in the stubs
    Connection = PoolConnectionProxy[asyncpg.Record]
    _Base = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = PoolConnectionProxy
    _Base = asyncpg.Connection
    Pool = asyncpg.Pool
# The errors of asyncpg while the server is stopped, stopping or starting.
_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection used while the server's last message is being read
)


class _Connection(_Base):
    """A connection without asyncpg's reset, which would cost a round trip per use. There is nothing to reset:
    every use below is one transaction that changes settings by SET LOCAL only."""

    def get_reset_query(self) -> str:
        return ""


def address(settings: Settings) -> str:
    """The URL that functions connect to: the server's, or with a pooler the same at the pooler's address."""
    if not settings.postgres_pooler:
        return settings.postgres_url
    parts = urlsplit(settings.postgres_url)
    user, at, _ = parts.netloc.rpartition("@")
    options = [pair for pair in parse_qsl(parts.query) if not pair[0].startswith("ssl")]
    netloc = f"{user}{at}{settings.postgres_pooler}"
    return parts._replace(netloc=netloc, query=urlencode([*options, ("sslmode", "disable")])).geturl()


class Database:
    """The database of this process."""

    def __init__(self, settings: Settings, engine: "Engine", nats: "Nats") -> None:
        self._settings = settings
        self._engine = engine
        self._nats = nats
        self._opened: Pool | None = None
        self._opening = asyncio.Lock()
        self._offsets: dict[tuple[tuple[str, ...], str, str], dict[str, int]] = {}
        """(projectors, shard, journal) → each projector's offset after the last commit of this process."""

    async def _pool(self) -> Pool:
        if self._opened is not None:
            return self._opened
        async with self._opening:
            if self._opened is None:
                try:
                    self._opened = await asyncpg.create_pool(
                        address(self._settings),
                        min_size=1,
                        max_size=self._settings.postgres_pool_max,
                        timeout=CONNECT_TIMEOUT_S,
                        command_timeout=STATEMENT_TIMEOUT_S,
                        server_settings={"application_name": "cift", "timezone": "UTC"},
                        connection_class=_Connection,
                    )
                except (*_GONE, TimeoutError) as error:
                    raise _unavailable() from error
            return self._opened

    @asynccontextmanager
    async def _transaction(self, begin: str, *, reads: bool) -> AsyncIterator[Connection]:
        """One transaction. The statements `begin` start it in one round trip."""
        pool = await self._pool()
        connection: Connection | None = None
        for _ in range(BEGIN_TRIES_MAX):
            try:
                connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
                await connection.execute(begin)
                break
            except (*_GONE, TimeoutError) as error:
                dead, connection = connection, None
                if dead is None:
                    raise _unavailable() from error
                _drop(dead)
                await pool.release(dead)
        if connection is None:
            raise _unavailable()
        ended = False
        try:
            try:
                yield connection
            except _GONE as error:
                # COMMIT was not sent, so the server rolled back.
                ended = True
                raise _unavailable() from error
            except BaseException:
                ended = True
                if not connection.is_closed():
                    try:
                        await asyncio.shield(connection.execute("ROLLBACK"))
                    except BaseException:
                        _drop(connection)
                        raise
                raise
            ended = True
            try:
                await connection.execute("COMMIT")
            except (*_GONE, TimeoutError) as error:
                _drop(connection)
                if reads:
                    raise _unavailable() from error
                raise OutcomeUnknown(None) from error
        finally:
            if not ended:
                _drop(connection)
            await pool.release(connection)

    @asynccontextmanager
    async def read(self, account_id: str | None = None) -> AsyncIterator[Connection]:
        """A read-only transaction on one snapshot that sees only the rows of `account_id`. With None it sees
        only tables without an account.

        Raises:
            Unavailable: `database_unavailable`.
        """
        begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE {FUNCTION_ROLE}"
        if account_id is not None:
            # It becomes part of the statement's text, so it must be a UUID in canonical form.
            checked = parse_uuid(account_id)
            assert checked is not None, f"an account id must be a UUID, not {account_id!r}"
            begin += f"; SET LOCAL cift.account_id = '{checked}'"
        with telemetry.span("postgresql read", "client", db__system__name="postgresql"):
            async with self._transaction(begin, reads=True) as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction of the owner, who sees all rows. It is committed when the block ends without an
        error.

        Raises:
            Unavailable: `database_unavailable`: nothing happened.
            OutcomeUnknown: the connection was lost during the commit.
        """
        with telemetry.span("postgresql write", "client", db__system__name="postgresql"):
            async with self._transaction("BEGIN", reads=False) as connection:
                yield connection

    async def caught_up(self, account_id: str, *projectors: str) -> None:
        """Wait until the named projectors passed the last durable record that changed this account, so that
        callers read their own writes.

        The engine reports that record; if it does not respond, the last record of the journal is used.

        Raises:
            ReadModelBehind: they did not pass it within two seconds.
            Unavailable: engine and journal, or the database, do not respond.
        """
        assert projectors, "caught_up needs the projectors of the tables to read"
        try:
            sequence = await self._engine.account_sequence(account_id)
            if sequence == 0:
                return
            journal_id = await self._nats.journal_id()
        except Unavailable:
            journal_id, sequence = await self._nats.journal()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CAUGHT_UP_TIMEOUT_S
        pause = POLL_FIRST_S
        names = list(projectors)
        while True:
            passed = await self.fetchval(
                "SELECT count(*) FROM projector_offsets WHERE shard = $1 AND journal_id = $2"
                " AND projector = ANY($3::text[]) AND sequence >= $4",
                self._settings.shard,
                journal_id,
                names,
                sequence,
            )
            if passed == len(names):
                return
            if loop.time() >= deadline:
                raise ReadModelBehind
            await asyncio.sleep(pause)
            pause = min(pause * 2, POLL_MAX_S)

    @asynccontextmanager
    async def project(
        self, projectors: Collection[str], batch: Batch
    ) -> AsyncIterator[tuple[Connection, dict[str, int]]]:
        """One transaction of several projectors: yields its connection, and the offset of each projector that
        has not projected the whole batch. It writes the rows and the new offsets together.

        The offsets move first, and only from the values that this process knows. So no other process can
        project the same records at the same time: it waits for the row, and then finds another offset.

        Raises:
            Expected: the batch does not continue at the lowest offset: deliver from that record on.
        """
        first, last = batch.items[0].sequence, batch.items[-1].sequence
        assert last - first + 1 == len(batch.items), f"the records {first} to {last} have a gap"
        key = (tuple(projectors), batch.shard, batch.journal_id)
        known = self._offsets.pop(key, None)  # it is known again only after the commit
        async with self.write() as connection:
            if known is None or not _continues(known, first, last):
                known = await self._stored_offsets(connection, projectors, batch)
            if not _continues(known, first, last):
                raise Expected(min(known.values()) + 1)
            behind = {name: at for name, at in known.items() if at < last}
            for at in set(behind.values()):
                names = [name for name in behind if behind[name] == at]
                moved = await connection.fetch(
                    _FIRST_OFFSETS if at == 0 else _NEXT_OFFSETS, names, *key[1:], last, at
                )
                if len(moved) < len(names):  # projected by another process, or restored
                    stored = await self._stored_offsets(connection, projectors, batch)
                    raise Expected(min(stored.values()) + 1)
            yield connection, behind
        self._offsets[key] = known | dict.fromkeys(behind, last)

    async def _stored_offsets(
        self, connection: Connection, projectors: Collection[str], batch: Batch
    ) -> dict[str, int]:
        """The offset of each projector; 0 before its first record."""
        rows = await connection.fetch(
            "SELECT projector, sequence FROM projector_offsets"
            " WHERE projector = ANY($1::text[]) AND shard = $2 AND journal_id = $3",
            list(projectors),
            batch.shard,
            batch.journal_id,
        )
        return dict.fromkeys(projectors, 0) | {row["projector"]: row["sequence"] for row in rows}

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        """The first column of the first row, outside a transaction, as the owner."""
        return await self._one("fetchval", query, arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row, outside a transaction, as the owner."""
        row: asyncpg.Record | None = await self._one("fetchrow", query, arguments)
        return row

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows, outside a transaction, as the owner."""
        rows: list[asyncpg.Record] = await self._one("fetch", query, arguments)
        return rows

    async def execute(self, query: str, *arguments: Any) -> str:
        """Run one statement as the owner. If the connection is lost, it may or may not have run."""
        status: str = await self._one("execute", query, arguments)
        return status

    async def _one(self, method: str, query: str, arguments: tuple[Any, ...]) -> Any:
        pool = await self._pool()
        tries = BEGIN_TRIES_MAX if query.startswith("SELECT") else 1
        for left in reversed(range(tries)):
            connection: Connection | None = None
            try:
                connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
                with telemetry.span("postgresql statement", "client", db__system__name="postgresql"):
                    return await getattr(connection, method)(query, *arguments)
            except (*_GONE, TimeoutError) as error:
                if connection is None or not left:
                    raise _unavailable() from error
                _drop(connection)
            finally:
                if connection is not None:
                    await pool.release(connection)
        raise AssertionError("unreachable")

    async def close(self) -> None:
        pool, self._opened = self._opened, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), 3)
        except TimeoutError:
            pool.terminate()


_FIRST_OFFSETS = """
INSERT INTO projector_offsets AS o (projector, shard, journal_id, sequence)
SELECT name, $2, $3, $4 FROM unnest($1::text[]) AS name
ON CONFLICT (projector, shard, journal_id) DO UPDATE SET sequence = excluded.sequence
WHERE o.sequence = $5 RETURNING projector
"""
# An UPDATE: a database without the row was emptied or restored, and lacks the records before.
_NEXT_OFFSETS = """
UPDATE projector_offsets SET sequence = $4
WHERE projector = ANY($1::text[]) AND shard = $2 AND journal_id = $3 AND sequence = $5 RETURNING projector
"""


def _continues(offsets: dict[str, int], first: int, last: int) -> bool:
    """Whether the records `first` to `last` have new ones for some projector, and no gap for any."""
    return min(offsets.values()) < last and first <= min(offsets.values()) + 1


def _unavailable() -> Unavailable:
    return Unavailable("database_unavailable", "The database does not respond; nothing was changed")


def _drop(connection: Connection) -> None:
    """Terminate a connection, so that the pool replaces it instead of using it again."""
    try:
        connection.terminate()
    except asyncpg.InterfaceError:
        pass  # already closed
