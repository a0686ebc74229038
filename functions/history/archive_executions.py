"""Archive fills, positions and cash from the journal, and the exchange's own trades as ticks, in ClickHouse.

A redelivered record makes the same rows, which the tables' keys drop. While the store is down, consumer
lag grows."""

from cift.function import on
from cift.history import executions
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Batch


@on("ORDERS", batch=500, linger="2s", extras=("clickhouse",))
async def archive_executions(batch: Batch, clickhouse: ClickHouse) -> None:
    if not clickhouse.is_on:
        return
    for table, block in executions.blocks(executions.fold(batch.items), batch.journal_id):
        await clickhouse.insert(table, block)
