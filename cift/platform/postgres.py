"""PostgreSQL: reads under row-level security, writes, read-your-writes, projections with their offset.

One small pool a process, opened on first use. `read` uses the role `cift_function` for its transaction: it
sees only the rows of the account that the transaction names; `write` stays the owner. A connection that
died with the server is replaced before a caller notices, as long as nothing was sent on it. A pool may
hold a single connection: nobody may ask for a second one while he holds one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from cift.kernel.errors import Expected, OutcomeUnknown, ReadModelBehind, Unavailable
from cift.kernel.ids import parse_uuid
from cift.platform.journal import Batch, JournalRecord
from cift.platform.settings import Settings

log = logging.getLogger("cift.postgres")

FUNCTION_ROLE = "cift_function"
CONNECT_TIMEOUT_S = 2.0
ACQUIRE_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_S = 10.0
BEGIN_TRIES_MAX = 10  # a pool full of dead connections, one by one
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
# What asyncpg raises when the server is gone, going or not yet there.
_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # used while the server's last words are being read
)


class _Connection(_Base):
    """Every use below is one transaction with nothing but SET LOCAL, so there is nothing to reset:
    asyncpg's own reset would cost a round trip for each use."""

    def get_reset_query(self) -> str:
        return ""


class Database:
    """The database of this process."""

    def __init__(self, settings: Settings, engine: "Engine", nats: "Nats") -> None:
        self._settings = settings
        self._engine = engine
        self._nats = nats
        self._opened: Pool | None = None
        self._opening = asyncio.Lock()
        self._advanced = asyncio.Event()
        self._readers_waiting = 0
        self.read_wanted = asyncio.Event()
        """Set while somebody in this process waits for a projector."""

    async def _pool(self) -> Pool:
        if self._opened is not None:
            return self._opened
        async with self._opening:
            if self._opened is None:
                try:
                    self._opened = await asyncpg.create_pool(
                        self._settings.postgres_url,
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
        """One transaction, begun with the statements `begin` in one round trip."""
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
                # Before COMMIT was sent: the server rolled back, whatever was done.
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
        """A read-only transaction on one snapshot, that sees the rows of `account_id` and of nobody else
        (with None: only tables that belong to no account).

        Raises:
            Unavailable: `database_unavailable`.
        """
        begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE {FUNCTION_ROLE}"
        if account_id is not None:
            # Goes into the text of a statement: only ever a UUID in its usual form.
            checked = parse_uuid(account_id)
            assert checked is not None, "an account is named by its UUID"
            begin += f"; SET LOCAL cift.account_id = '{checked}'"
        async with self._transaction(begin, reads=True) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction of the owner, who sees everything; committed when the block ends well.

        Raises:
            Unavailable: `database_unavailable`: nothing happened.
            OutcomeUnknown: the server was lost while it committed.
        """
        async with self._transaction("BEGIN", reads=False) as connection:
            yield connection

    # ── read your writes ────────────────────────────────────────────────────────────────────────
    async def caught_up(self, account_id: str, *projectors: str) -> None:
        """Wait until the named projectors passed the last durable record that changed this account.

        Asks the engine for that record, or, while it is silent, the journal for its last one.

        Raises:
            ReadModelBehind: not within two seconds.
            Unavailable: neither engine nor journal answers, or the database does not.
        """
        assert projectors, "name the projectors whose tables you read"
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
        self._readers_waiting += 1
        try:
            while True:
                self._advanced.clear()
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
                self.read_wanted.set()
                try:  # a projector of this process says so at once; another's is found by asking again
                    await asyncio.wait_for(self._advanced.wait(), pause)
                except TimeoutError:
                    pause = min(pause * 2, POLL_MAX_S)
        finally:
            self._readers_waiting -= 1
            if not self._readers_waiting:
                self.read_wanted.clear()

    @asynccontextmanager
    async def project(
        self, projector: str, batch: Batch
    ) -> AsyncIterator[tuple[Connection, list[JournalRecord]]]:
        """The transaction of a projector: yields its connection and the records not yet projected
        (perhaps none), and writes the offset with the rows. Whatever was delivered twice is a no-op.

        Raises:
            Expected: the batch does not follow on what was projected: go to that record.
        """
        async with self.write() as connection:
            at = await connection.fetchval(
                "SELECT sequence FROM projector_offsets"
                " WHERE projector = $1 AND shard = $2 AND journal_id = $3 FOR UPDATE",
                projector,
                batch.shard,
                batch.journal_id,
            )
            at = at or 0
            fresh: list[JournalRecord] = [record for record in batch.items if record.sequence > at]
            if not fresh or fresh[0].sequence != at + 1:
                raise Expected(at + 1)
            yield connection, fresh
            moved = await connection.fetchval(
                "INSERT INTO projector_offsets AS o (projector, shard, journal_id, sequence)"
                " VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (projector, shard, journal_id) DO UPDATE SET sequence = excluded.sequence"
                " WHERE o.sequence = $5 RETURNING sequence",
                projector,
                batch.shard,
                batch.journal_id,
                fresh[-1].sequence,
                at,
            )
            if moved is None:  # another process projected meanwhile: its rows stand, ours are dropped
                raise Expected(at + 1)
        self._advanced.set()

    # ── single statements of the owner ──────────────────────────────────────────────────────────
    async def fetchval(self, query: str, *arguments: Any) -> Any:
        """First column of the first row, outside a transaction, as the owner."""
        return await self._one("fetchval", query, arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        """First row, outside a transaction, as the owner."""
        row: asyncpg.Record | None = await self._one("fetchrow", query, arguments)
        return row

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows, outside a transaction, as the owner."""
        rows: list[asyncpg.Record] = await self._one("fetch", query, arguments)
        return rows

    async def execute(self, query: str, *arguments: Any) -> str:
        """One statement as the owner; the outcome is unknown when the server is lost meanwhile."""
        status: str = await self._one("execute", query, arguments)
        return status

    async def _one(self, method: str, query: str, arguments: tuple[Any, ...]) -> Any:
        pool = await self._pool()
        tries = BEGIN_TRIES_MAX if query.startswith("SELECT") else 1
        for left in reversed(range(tries)):
            connection: Connection | None = None
            try:
                connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
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


def _unavailable() -> Unavailable:
    return Unavailable("database_unavailable", "The database does not answer; nothing was done")


def _drop(connection: Connection) -> None:
    """Have the pool replace this connection instead of using it again."""
    try:
        connection.terminate()
    except asyncpg.InterfaceError:
        pass  # already gone
