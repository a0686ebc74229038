"""Project the journal into orders and order_fills.

Deterministic. Rows and offset are written in one transaction."""

from cift.function import on
from cift.platform.journal import Batch
from cift.platform.postgres import Database
from cift.platform.read_model import projecting
from cift.trading import projector


@on("ORDERS", batch=500)
async def project_orders(batch: Batch, database: Database) -> None:
    async with projecting(database, "project_orders", batch) as (connection, slices):
        for records in slices:
            await projector.project(connection, records)
