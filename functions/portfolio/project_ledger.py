"""Project the journal into accounts, positions and transactions.

Deterministic. Rows and offset are written in one transaction."""

from cift.function import on
from cift.platform.journal import Batch
from cift.platform.postgres import Database
from cift.platform.read_model import projecting
from cift.portfolio import projector


@on("ORDERS", batch=500)
async def project_ledger(batch: Batch, database: Database) -> None:
    async with projecting(database, "project_ledger", batch) as (connection, slices):
        for records in slices:
            await projector.project(connection, records)
