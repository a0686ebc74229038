"""What all projectors of the journal share: one transaction with the offset, small slices, and a stop where
the read model was built from another journal.

A slice limits how long decoding and folding block the event loop, which may also serve requests.

After a batch with several commands a projector pauses briefly, so that its next transaction writes more of
them: the transaction is most of the cost of a small batch. A read in the same process that waits for the
projector ends the pause; a read in another process waits GATHER_S longer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from cift.platform.journal import Batch, JournalRecord
from cift.platform.postgres import Connection, Database

SLICE_BYTES_MAX = 128 * 1024
BUSY_COMMANDS = 4
GATHER_S = 0.02
FAR_BEHIND_COMMANDS = 500


class OtherJournal(Exception):
    """The tables were built from another journal; mixing the two would make every row wrong."""


@asynccontextmanager
async def projecting(
    database: Database, projector: str, batch: Batch
) -> AsyncIterator[tuple[Connection, Iterator[list[JournalRecord]]]]:
    """The transaction of a projector: its connection, and the records not yet projected, in slices.

    Raises:
        Expected: another record must come first (`Database.project`).
        OtherJournal: run `cift rebuild`. The host retries for ever, and logs it.
    """
    async with database.project(projector, batch) as (connection, records):
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
    if BUSY_COMMANDS <= sum(len(record.entries) for record in records) < FAR_BEHIND_COMMANDS:
        try:
            await asyncio.wait_for(database.read_wanted.wait(), GATHER_S)
        except TimeoutError:
            pass


def slices(records: list[JournalRecord]) -> Iterator[list[JournalRecord]]:
    """The records in order, at most SLICE_BYTES_MAX together (or one)."""
    begin, size = 0, 0
    for index, record in enumerate(records):
        size += len(record.data)
        if size > SLICE_BYTES_MAX and index > begin:
            yield records[begin:index]
            begin, size = index, len(record.data)
    yield records[begin:]
