"""Archive the raw ticks of TICKS in the tick stores.

A redelivered message makes the same rows, which the stores' keys drop. While a store is down, consumer
lag grows."""

import logging

from cift.function import on
from cift.history import archive, questdb_ticks, rebuild_bars
from cift.history.clickhouse_store import ClickHouseStore
from cift.history.questdb_store import QuestDBStore
from cift.history.tick_store import with_withdrawn
from cift.platform import telemetry
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Batch
from cift.platform.questdb import QuestDB

log = logging.getLogger("cift.history")
NO_DEDUPLICATION = {"insert_deduplicate": 0}
"""Of equal blocks ClickHouse would keep the first. But a correction that is taken back is equal to a block
from before the correction. The keys of the tables drop repeated rows."""
last_archived = 0
"""Stream sequence of the last archived message. It can be kept here because only one copy of this
function runs."""


@on("TICKS", batch=64, linger="2s", extras=("questdb",))
async def archive_ticks(batch: Batch, clickhouse: ClickHouse, questdb: QuestDB) -> None:
    global last_archived
    missing = archive.missing(last_archived, batch.items)
    if missing:
        telemetry.ticks_lost.inc(missing)
        log.error("TICKS discarded %d messages before they were archived: their ticks are missing", missing)
        last_archived = batch.items[-1].sequence  # report it once, even if the store is down now
    messages = archive.split(batch.items)
    if clickhouse.is_on or questdb.is_on:
        batches = archive.decode(messages.ticks)
        factors = archive.factors(messages.factors)
        rebuilds = archive.rebuilds(messages.rebuilds)
        if questdb.is_on:
            await questdb_ticks.archive(batches, questdb)
            await questdb_ticks.archive_factors(await with_withdrawn(factors, QuestDBStore(questdb)), questdb)
        if clickhouse.is_on:
            for kind, rows, block in archive.blocks(batches):
                await clickhouse.insert(archive.TABLES[kind], block, NO_DEDUPLICATION)
                telemetry.ticks_archived.labels(kind).inc(rows)
            for symbol, rows_of_symbol in await with_withdrawn(factors, ClickHouseStore(clickhouse)):
                await clickhouse.insert("price_factors", archive.factor_block(symbol, rows_of_symbol))
            await rebuild_bars.rebuild(rebuilds, clickhouse)
    last_archived = batch.items[-1].sequence
