"""The projector of orders, their fills and replacements, and the tables that it writes."""

from cift.platform.journal import JournalRecord
from cift.platform.postgres import Connection
from cift.trading import projection, store

TABLES = ("order_fills", "order_replacements", "orders")
"""A table that refers to another comes first."""


async def project(connection: Connection, records: list[JournalRecord]) -> None:
    """Write the changes of these records, in order, in the transaction that moves the offset."""
    await store.write_orders(connection, projection.fold(records))
