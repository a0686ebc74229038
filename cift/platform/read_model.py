"""What all projectors of the journal have in common: one transaction with the offset, small slices, and
a stop where the read model was built from another journal.

A slice bounds how long decoding and folding keep the event loop, which may serve doors too. Commits do
not wait for PostgreSQL's disk: what a crash loses is lost together with its offset, and comes again.

Under load a projector gathers: after a batch that held several records it rests a little, so that the
next transaction serves more of them. Most of what a small transaction costs is the transaction. Who
reads his own write meanwhile waits that much longer; whoever is alone waits for nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from cift.platform.journal import Batch, JournalRecord
from cift.platform.postgres import Connection, Database

SLICE_BYTES_MAX = 128 * 1024
BUSY_RECORDS = 3
GATHER_S = 0.03
FULL_RECORDS = 100  # far behind: no rest


class OtherJournal(Exception):
    """The tables hold what another journal said; mixing the two would be wrong in every row."""


@asynccontextmanager
async def projecting(
    database: Database, projector: str, batch: Batch
) -> AsyncIterator[tuple[Connection, Iterator[list[JournalRecord]]]]:
    """The transaction of a projector: its connection, and the records not yet projected, in slices.

    Raises:
        Expected: another record must come first (`Database.project`).
        OtherJournal: `cift rebuild` is the cure. The host tries again for ever and says so.
    """
    async with database.project(projector, batch) as (connection, records):
        await connection.execute("SET LOCAL synchronous_commit = off")
        if records[0].sequence == 1:
            other = await connection.fetchval(
                "SELECT journal_id FROM projector_offsets"
                " WHERE projector = $1 AND shard = $2 AND journal_id <> $3 LIMIT 1",
                projector,
                batch.shard,
                batch.journal_id,
            )
            if other is not None:
                raise OtherJournal(
                    f"{projector}: the read model was built from journal {other}, this is {batch.journal_id};"
                    " run `cift rebuild`"
                )
        yield connection, slices(records)
    if BUSY_RECORDS <= len(records) < FULL_RECORDS:
        await asyncio.sleep(GATHER_S)


def slices(records: list[JournalRecord]) -> Iterator[list[JournalRecord]]:
    """The records in order, at most SLICE_BYTES_MAX together (or one)."""
    begin, size = 0, 0
    for index, record in enumerate(records):
        size += len(record.data)
        if size > SLICE_BYTES_MAX and index > begin:
            yield records[begin:index]
            begin, size = index, len(record.data)
    yield records[begin:]
