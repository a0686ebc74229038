"""What the projector of orders and fills does with records, and the tables that are its own."""

from cift.platform.journal import JournalRecord
from cift.platform.postgres import Connection
from cift.trading import projection, store

TABLES = ("order_fills", "orders")
"""Those that refer to others come first."""


async def project(connection: Connection, records: list[JournalRecord]) -> None:
    """Write what these records, in order, did. Within the transaction that moves the offset."""
    await store.write_orders(connection, projection.fold(records))
