"""Project the journal into trades, last prices and instruments.

Deterministic. Rows and offset are written in one transaction."""

from cift.function import on
from cift.market_data import projector
from cift.platform.journal import Batch
from cift.platform.postgres import Database
from cift.platform.read_model import projecting


@on("ORDERS", batch=500)
async def project_market(batch: Batch, database: Database) -> None:
    async with projecting(database, "project_market", batch) as (connection, slices):
        for records in slices:
            await projector.project(connection, records)
