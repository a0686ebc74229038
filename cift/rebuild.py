"""Drop the read model and build it again from the journal's first record: `cift rebuild`.

Each projector is rebuilt in one transaction: its offset is locked, checksums of its tables are computed,
and the tables are emptied and filled again by the projector's own code up to the offset. Then the checksums
are compared. Until the commit readers see the old rows (or get `read_model_behind` where they need newer
ones), the running projector waits for its offset, and trading goes on. A failure changes nothing. A read
model that was built from another journal is replaced without a comparison.

Known limit: PostgreSQL keeps old and new rows until the end of the transaction, which takes twice the space.
"""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from cift.platform.journal import JournalRecord
from cift.platform.nats import Nats
from cift.platform.postgres import Connection
from cift.platform.read_model import slices
from cift.platform.settings import Settings
from cift.projectors import PROJECTORS

FETCH_RECORDS = 200
FETCH_TIMEOUT_S = 10.0
RETRY_S = 0.5
SILENCE_MAX_S = 60.0
CONNECT_TIMEOUT_S = 10.0

_SUM = "count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS checksum"
Reader = tuple[list[str], dict[str, str] | None]
"""The command that writes records of archive and journal, and its environment (None: this process's)."""
_RECORD = struct.Struct("<QI")
Progress = Callable[[str, int, int], None]
"""Called with the projector, the number of processed records, and the number of all records."""


@dataclass(frozen=True, slots=True)
class TableSum:
    """A checksum over all columns of a table, which does not depend on the order of rows."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The result for one projector's tables."""

    projector: str
    records: int
    tables: dict[str, TableSum]
    compared: bool
    """Whether the old tables were built from this journal, so that they could be compared."""
    differing: tuple[str, ...]
    """Tables whose new content differs from the old one at the same record."""


async def rebuild(
    settings: Settings | None = None,
    progress: Progress | None = None,
    *,
    only: tuple[str, ...] = (),
    reader: Reader = (["matchd", "records"], None),
) -> list[Rebuilt]:
    """Build the read model again; returns the result of each projector.

    Raises:
        asyncpg.PostgresError, OSError: the database cannot be reached; nothing has changed.
        Unavailable: the journal cannot be reached; nothing has changed.
        RuntimeError: the journal has a gap, or ends before an offset; nothing has changed.
    """
    settings = settings or Settings.load()
    nats = Nats(settings)
    try:
        journal_id, last = await nats.journal()
        done = []
        for name in only or tuple(PROJECTORS):
            connection = await asyncpg.connect(
                settings.postgres_url, timeout=CONNECT_TIMEOUT_S, server_settings={"timezone": "UTC"}
            )
            try:
                done.append(
                    await _rebuild(connection, settings, nats, name, journal_id, last, progress, reader)
                )
                for table in PROJECTORS[name].TABLES:
                    await connection.execute(f"VACUUM (ANALYZE) {table}")
            finally:
                await connection.close()
        return done
    finally:
        await nats.close()


async def _rebuild(
    connection: Any,
    settings: Settings,
    nats: Nats,
    name: str,
    journal_id: str,
    last: int,
    progress: Progress | None,
    reader: Reader,
) -> Rebuilt:
    module = PROJECTORS[name]
    key = (name, settings.shard, journal_id)
    async with connection.transaction():
        # Projectors lock the offset too: a running one finishes first, and the next one waits.
        known = await connection.fetchval(
            "INSERT INTO projector_offsets (projector, shard, journal_id, sequence) VALUES ($1, $2, $3, 0)"
            " ON CONFLICT DO NOTHING RETURNING sequence",
            *key,
        )
        at = (
            None
            if known is not None
            else await connection.fetchval(
                "SELECT sequence FROM projector_offsets"
                " WHERE projector = $1 AND shard = $2 AND journal_id = $3 FOR UPDATE",
                *key,
            )
        )
        if at is not None and at > last:  # trading goes on: the journal may have grown since it was read
            _, last = await nats.journal()
        if at is not None and at > last:
            raise RuntimeError(f"the offset of {name} is {at}, but the journal ends at record {last}")
        target = last if at is None else at
        before = {table: await _sum(connection, table) for table in module.TABLES}
        for table in module.TABLES:
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 (a fixed name)
        if target:
            await _project(connection, settings, nats, name, module.project, target, progress, reader)
        after = {table: await _sum(connection, table) for table in module.TABLES}
        await connection.execute(
            "UPDATE projector_offsets SET sequence = $4"
            " WHERE projector = $1 AND shard = $2 AND journal_id = $3",
            *key,
            target,
        )
        await connection.execute(
            "DELETE FROM projector_offsets WHERE projector = $1 AND shard = $2 AND journal_id <> $3", *key
        )
    differing = tuple(table for table in module.TABLES if before[table] != after[table])
    return Rebuilt(name, target, after, at is not None, differing if at is not None else ())


async def _project(
    connection: Any,
    settings: Settings,
    nats: Nats,
    name: str,
    project: Callable[[Connection, list[JournalRecord]], Awaitable[None]],
    target: int,
    progress: Progress | None,
    reader: Reader,
) -> None:
    async for records in _journal(nats, settings.journal_stream, target, reader):
        for slice_ in slices(records):
            await project(cast(Connection, connection), slice_)
        if progress is not None:
            progress(name, records[-1].sequence, target)


async def _archived(reader: Reader, last: int) -> AsyncIterator[list[JournalRecord]]:
    """The records 1 to `last`, which left the stream. Raises RuntimeError."""
    command, environment = reader
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            *("--first", "1", "--last", str(last)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise RuntimeError(
            f"records 1 to {last} are in the archive, and {command[0]}, which reads it, cannot be started:"
            f" {error}"
        ) from None
    assert process.stdout is not None and process.stderr is not None
    try:
        records: list[JournalRecord] = []
        for expected in range(1, last + 1):
            try:
                sequence, length = _RECORD.unpack(await process.stdout.readexactly(_RECORD.size))
                assert sequence == expected, f"{sequence} follows instead of record {expected}"
                records.append(JournalRecord(sequence, await process.stdout.readexactly(length)))
            except asyncio.IncompleteReadError:
                reason = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
                raise RuntimeError(f"the archive: {reason[-1] if reason else 'it ends early'}") from None
            if len(records) == FETCH_RECORDS or expected == last:
                yield records
                records = []
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()


async def _journal(
    nats: Nats, stream: str, target: int, reader: Reader
) -> AsyncIterator[list[JournalRecord]]:
    """The records 1 to `target`, in order, from archive and stream as one, also while NATS servers restart.

    Raises:
        RuntimeError: the journal has a gap.
        nats.errors.Error: no record arrived for `SILENCE_MAX_S`.
    """
    js = await nats.jetstream()
    first = (await js.stream_info(stream)).state.first_seq
    if first > 1:
        async for archived in _archived(reader, min(first - 1, target)):
            yield archived
    expected, received_at = max(first, 1), time.monotonic()
    while expected <= target:
        subscription = None
        try:
            subscription = await js.pull_subscribe("", stream=stream, config=_from(expected))
            while expected <= target:
                wanted = min(FETCH_RECORDS, target - expected + 1)
                messages = await subscription.fetch(wanted, FETCH_TIMEOUT_S)
                records = []
                for message in messages:
                    sequence = message.metadata.sequence.stream
                    if sequence != expected:
                        raise RuntimeError(f"the journal has no record {expected}: {sequence} follows")
                    records.append(JournalRecord(sequence, message.data))
                    expected += 1
                yield records
                received_at = time.monotonic()
        except NatsError:
            # The server with the consumer is not available, or the others do not have the consumer yet.
            if time.monotonic() - received_at > SILENCE_MAX_S:
                raise
            await asyncio.sleep(RETRY_S)
        finally:
            if subscription is not None:
                with suppress(NatsError):
                    await subscription.unsubscribe()


def _from(sequence: int) -> ConsumerConfig:
    return ConsumerConfig(
        ack_policy=AckPolicy.NONE,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=sequence,
        mem_storage=True,
        inactive_threshold=300,
    )


async def _sum(connection: Any, table: str) -> TableSum:
    row = await connection.fetchrow(f"SELECT {_SUM} FROM {table} t")  # noqa: S608 (a fixed name)
    return TableSum(row["rows"], row["checksum"])


def summary(rebuilt: list[Rebuilt]) -> dict[str, Any]:
    """The result for the command line: rows of each table, and whether they equal the old ones."""
    tables = {name: found.rows for each in rebuilt for name, found in each.tables.items()}
    return {
        "records": max((each.records for each in rebuilt), default=0),
        **tables,
        "equal": not any(each.differing for each in rebuilt),
        "differing": [name for each in rebuilt for name in each.differing],
        "compared": all(each.compared for each in rebuilt),
    }
