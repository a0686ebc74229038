"""The projector of accounts, positions and cash, and the tables that it writes."""

from cift.platform.journal import JournalRecord
from cift.platform.postgres import Connection
from cift.portfolio import projection, store

TABLES = ("transactions", "position_history", "positions", "system_balances", "accounts")
"""A table that refers to another comes first."""


async def project(connection: Connection, records: list[JournalRecord]) -> None:
    """Write the changes of these records, in order, in the transaction that moves the offset."""
    await store.write_ledger(connection, projection.fold(records))
