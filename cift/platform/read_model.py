"""What the projectors of the journal share: one transaction with their offsets, small slices, and a stop if
the read model was built from another journal.

A slice bounds the memory of decoded records, and how long decoding and folding block the event loop. Smaller
slices need more statements: 128 KiB took a third more CPU per order than 1 MiB.

After a batch with several commands the projectors pause briefly, so that their next transaction writes more
of them: the transaction is most of the cost of a small batch. A read that waits for them may wait GATHER_S
longer.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager

from cift.platform.journal import Batch, JournalRecord
from cift.platform.postgres import Connection, Database

SLICE_BYTES_MAX = 1024 * 1024
BUSY_COMMANDS = 4
GATHER_S = 0.01
FAR_BEHIND_COMMANDS = 500

Slice = dict[str, list[JournalRecord]]
"""Name of each projector → the records that it must project next."""


class OtherJournal(Exception):
    """The tables were built from another journal; mixing the two would make every row wrong."""


@asynccontextmanager
async def projecting(
    database: Database, projectors: Collection[str], batch: Batch
) -> AsyncIterator[tuple[Connection, Iterator[Slice]]]:
    """The transaction of the projectors: its connection, and the records not yet projected, in slices.

    Raises:
        Expected: another record must come first (`Database.project`).
        OtherJournal: run `cift rebuild`. relay retries for ever, and reports it.
    """
    async with database.project(projectors, batch) as (connection, offsets):
        new = [name for name, at in offsets.items() if at == 0]
        if new:
            other = await connection.fetchrow(
                "SELECT projector, journal_id FROM projector_offsets"
                " WHERE projector = ANY($1::text[]) AND shard = $2 AND journal_id <> $3 LIMIT 1",
                new,
                batch.shard,
                batch.journal_id,
            )
            if other is not None:
                raise OtherJournal(
                    f"{other['projector']}: the read model was built from journal {other['journal_id']}, this"
                    f" is {batch.journal_id}; run `cift rebuild`"
                )
        yield connection, _unprojected(batch.items, offsets)
    if BUSY_COMMANDS <= sum(len(record.entries) for record in batch.items) < FAR_BEHIND_COMMANDS:
        await asyncio.sleep(GATHER_S)


def _unprojected(records: list[JournalRecord], offsets: dict[str, int]) -> Iterator[Slice]:
    """The records after each projector's offset, in slices. The offsets are equal except after an upgrade or
    a rebuild of one projector."""
    for records_of_slice in slices(records):
        last = records_of_slice[-1].sequence
        fresh = {
            name: [record for record in records_of_slice if record.sequence > at]
            for name, at in offsets.items()
            if at < last
        }
        if fresh:
            yield fresh


def slices(records: list[JournalRecord]) -> Iterator[list[JournalRecord]]:
    """The records in order, at most SLICE_BYTES_MAX together (or one)."""
    begin, size = 0, 0
    for index, record in enumerate(records):
        size += len(record.data)
        if size > SLICE_BYTES_MAX and index > begin:
            yield records[begin:index]
            begin, size = index, len(record.data)
    yield records[begin:]
