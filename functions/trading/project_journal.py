"""Project the journal into the read model: orders and fills, accounts and cash, the tape and instruments.

Deterministic. Rows and offsets are written in one transaction."""

from cift import projectors
from cift.function import on
from cift.platform.journal import Batch
from cift.platform.postgres import Database


@on("ORDERS", batch=500, keeps_offset=True)
async def project_journal(batch: Batch, database: Database) -> None:
    await projectors.project(batch, database)
