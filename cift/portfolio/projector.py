"""What the projector of accounts, positions and cash does with records, and the tables that are its own."""

from cift.platform.journal import JournalRecord
from cift.platform.postgres import Connection
from cift.portfolio import projection, store

TABLES = ("transactions", "position_history", "positions", "system_balances", "accounts")
"""Those that refer to others come first."""


async def project(connection: Connection, records: list[JournalRecord]) -> None:
    """Write what these records, in order, did. Within the transaction that moves the offset."""
    await store.write_ledger(connection, projection.fold(records))
