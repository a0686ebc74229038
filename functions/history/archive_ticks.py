"""Archive the raw ticks of TICKS in the tick stores.

A message that comes again makes the same rows, which the stores' keys drop. A store that is down makes
lag."""

import logging

from cift.function import on
from cift.history import archive, questdb_ticks
from cift.platform import telemetry
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Batch
from cift.platform.questdb import QuestDB

log = logging.getLogger("cift.history")
last_archived = 0
"""Of this process, for one copy archives: stream sequence of the last message."""


@on("TICKS", batch=64, extras=("questdb",))
async def archive_ticks(batch: Batch, clickhouse: ClickHouse, questdb: QuestDB) -> None:
    global last_archived
    missing = archive.lost(last_archived, batch.items)
    if missing:
        telemetry.ticks_lost.inc(missing)
        log.error("TICKS let %d messages go before they were archived: ticks are missing", missing)
        last_archived = batch.items[-1].sequence  # said once, also if the store is down now
    of_ticks, of_factors = archive.parted(batch.items)
    is_kept = clickhouse.is_on or questdb.is_on
    batches = archive.decode(of_ticks) if is_kept else []
    factors = archive.factors(of_factors) if is_kept else []
    if questdb.is_on:
        await questdb_ticks.archive(batches, questdb)
        await questdb_ticks.archive_factors(factors, questdb)
    if clickhouse.is_on:
        for kind, rows, block in archive.blocks(batches):
            await clickhouse.insert(archive.TABLES[kind], block)
            telemetry.ticks_archived.labels(kind).inc(rows)
        for symbol, told in factors:
            await clickhouse.insert("price_factors", archive.factor_block(symbol, told))
    last_archived = batch.items[-1].sequence
