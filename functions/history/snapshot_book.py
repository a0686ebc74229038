"""Archive the visible book of every instrument every five seconds. An unchanged book is stored once."""

import asyncio

from cift.function import every
from cift.history import books
from cift.platform.clickhouse import ClickHouse
from cift.platform.engine import Engine


@every("5s", extras=("clickhouse",))
async def snapshot_book(engine: Engine, clickhouse: ClickHouse) -> None:
    if not clickhouse.is_on:
        return
    instruments = (await engine.query({"instruments": {}}))["instruments"]
    for start in range(0, len(instruments), books.CONCURRENT_QUERIES_MAX):
        found = await asyncio.gather(
            *(
                engine.query({"book": {"symbol": each["symbol"], "depth": books.DEPTH}})
                for each in instruments[start : start + books.CONCURRENT_QUERIES_MAX]
            )
        )
        await clickhouse.insert("order_book_snapshots", books.books_block(found))
