"""The projectors of the read model, and the transaction that runs all of them on one batch.

Each projector writes tables of its own and has an offset of its own, so `cift rebuild` can rebuild each one
alone. They share the batch, so that each record is decoded once, and the transaction.
"""

import cift.market_data.projector
import cift.portfolio.projector
import cift.trading.projector
from cift.platform.journal import Batch
from cift.platform.postgres import Database
from cift.platform.read_model import projecting

PROJECTORS = {
    "project_orders": cift.trading.projector,
    "project_ledger": cift.portfolio.projector,
    "project_market": cift.market_data.projector,
}


async def project(batch: Batch, database: Database) -> None:
    """Write the rows of all records that are not projected yet, and move the offsets.

    Raises:
        Expected: another record must come first.
        OtherJournal: the read model was built from another journal.
    """
    async with projecting(database, PROJECTORS, batch) as (connection, slices):
        for records in slices:
            for name, fresh in records.items():
                await PROJECTORS[name].project(connection, fresh)
