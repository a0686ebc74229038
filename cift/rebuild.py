"""Drop the read model and build it again from the journal's first record: `cift rebuild`.

One transaction a projector: its offset is locked, its tables are summed up, emptied and filled again by
the projector's own code, up to the record where it stood, and summed up again. Until the commit readers
see the old rows (and are told `read_model_behind` where they need newer ones), the running projector
waits for its offset, trading goes on, and whatever fails leaves everything as it was. A read model that
was built from another journal is replaced too; there is nothing to compare then.

Known limit: one transaction means that PostgreSQL keeps old and new rows until the end: twice the room.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

import cift.market_data.projector
import cift.portfolio.projector
import cift.trading.projector
from cift.platform.journal import JournalRecord
from cift.platform.nats import Nats
from cift.platform.postgres import Connection
from cift.platform.read_model import slices
from cift.platform.settings import Settings

FETCH_RECORDS = 200
FETCH_TIMEOUT_S = 10.0
RETRY_S = 0.5
SILENCE_MAX_S = 60.0
CONNECT_TIMEOUT_S = 10.0

PROJECTORS = {
    "project_orders": cift.trading.projector,
    "project_ledger": cift.portfolio.projector,
    "project_market": cift.market_data.projector,
}
_SUM = "count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS checksum"
Progress = Callable[[str, int, int], None]
"""Called with the projector, the records done, and the records there are."""


@dataclass(frozen=True, slots=True)
class TableSum:
    """A table's content in two numbers: order does not matter, every column does."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of one projector's tables."""

    projector: str
    records: int
    tables: dict[str, TableSum]
    compared: bool
    """Whether there was something of this journal to compare with."""
    differing: tuple[str, ...]
    """Tables whose new content differs from what it was at the same record."""


async def rebuild(
    settings: Settings | None = None, progress: Progress | None = None, *, only: tuple[str, ...] = ()
) -> list[Rebuilt]:
    """Build the read model again; returns what became of each projector.

    Raises:
        asyncpg.PostgresError, OSError: the database is not reached; nothing has changed.
        Unavailable: the journal is not reached; nothing has changed.
        RuntimeError: the journal's records are not as they should be; nothing has changed.
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
                done.append(await _rebuild(connection, settings, nats, name, journal_id, last, progress))
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
) -> Rebuilt:
    module = PROJECTORS[name]
    key = (name, settings.shard, journal_id)
    async with connection.transaction():
        # The offset is what projectors lock too: whoever projects now finishes first, whoever comes waits.
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
        if at is not None and at > last:  # trading goes on: the journal may have grown since it was asked
            _, last = await nats.journal()
        if at is not None and at > last:
            raise RuntimeError(f"{name} stands at record {at}, but the journal ends at {last}")
        target = last if at is None else at
        before = {table: await _sum(connection, table) for table in module.TABLES}
        for table in module.TABLES:
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names of our own)
        if target:
            await _project(connection, settings, nats, name, module.project, target, progress)
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
) -> None:
    async for records in _journal(nats, settings.journal_stream, target):
        for slice_ in slices(records):
            await project(cast(Connection, connection), slice_)
        if progress is not None:
            progress(name, records[-1].sequence, target)


async def _journal(nats: Nats, stream: str, target: int) -> AsyncIterator[list[JournalRecord]]:
    """The records 1 to `target`, in order, also where servers of NATS go and come meanwhile.

    Raises:
        RuntimeError: there is a gap.
        nats.errors.Error: no record came for `SILENCE_MAX_S`.
    """
    js = await nats.jetstream()
    expected, heard_at = 1, time.monotonic()
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
                        raise RuntimeError(f"the journal has no record {expected}; {sequence} came")
                    records.append(JournalRecord(sequence, message.data))
                    expected += 1
                yield records
                heard_at = time.monotonic()
        except NatsError:
            # The one server that has the consumer is gone, or the others do not know of it yet.
            if time.monotonic() - heard_at > SILENCE_MAX_S:
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
    row = await connection.fetchrow(f"SELECT {_SUM} FROM {table} t")  # noqa: S608 (a name of our own)
    return TableSum(row["rows"], row["checksum"])


def summary(rebuilt: list[Rebuilt]) -> dict[str, Any]:
    """The outcome for a command line: rows of each table, and whether all is as it was."""
    tables = {name: found.rows for each in rebuilt for name, found in each.tables.items()}
    return {
        "records": max((each.records for each in rebuilt), default=0),
        **tables,
        "equal": not any(each.differing for each in rebuilt),
        "differing": [name for each in rebuilt for name in each.differing],
        "compared": all(each.compared for each in rebuilt),
    }
