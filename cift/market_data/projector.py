"""The projector of the tape, the last prices and the instruments, and the tables that it writes."""

from cift.market_data import projection, store
from cift.platform.journal import JournalRecord
from cift.platform.postgres import Connection

TABLES = ("trades", "market_data_cache", "instruments")


async def project(connection: Connection, records: list[JournalRecord]) -> None:
    """Write the changes of these records, in order, in the transaction that moves the offset."""
    for changes, split in projection.cut_at_splits(records):
        await store.write_market(connection, changes, split)
