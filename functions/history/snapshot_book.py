"""Keep the visible book of every instrument, some seconds apart. A book that stood still is one row."""

import asyncio

from cift.function import every
from cift.history import books
from cift.platform.clickhouse import ClickHouse
from cift.platform.engine import Engine


@every("5s", extras=("clickhouse",))
async def snapshot_book(engine: Engine, clickhouse: ClickHouse) -> None:
    if not clickhouse.is_on:
        return
    known = (await engine.query({"instruments": {}}))["instruments"]
    asked = [{"book": {"symbol": each["symbol"], "depth": books.DEPTH}} for each in known]
    for start in range(0, len(asked), books.AT_ONCE):
        found = await asyncio.gather(*map(engine.query, asked[start : start + books.AT_ONCE]))
        await clickhouse.insert("order_book_snapshots", books.books_block(found))
