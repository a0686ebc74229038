"""Ticks in QuestDB: what goes in, and bars made of them by SAMPLE BY. The answers are those of ClickHouse."""

from collections.abc import Iterator, Sequence
from typing import Any

from cift.history.archive import Batch
from cift.history.rules import Bar, vwap
from cift.platform.questdb import QuestDB

TABLES = {"trade": "ticks", "quote": "quotes"}
SYMBOLS = ("symbol", "source")
FRAME_ROWS_MAX = 500_000
_DECIMALS = {
    "trade": {"price": "prices", "quantity": "quantities"},
    "quote": {
        "bid": "bids",
        "bid_quantity": "bid_quantities",
        "ask": "asks",
        "ask_quantity": "ask_quantities",
    },
}
# 118517248: as in database/clickhouse/migrations/0001_market.sql.
_BARS = """
SELECT cast(at AS LONG) / 1000000000 AS begins, open, high, low, close, volume, notional, trades FROM (
    SELECT at, first(price) open, max(price) high, min(price) low, last(price) close,
        sum(quantity) volume, sum(price * quantity) notional, count() trades
    FROM ticks
    WHERE symbol = $1 AND source = $2 AND at >= cast($3 AS TIMESTAMP_NS) AND at < cast($4 AS TIMESTAMP_NS)
        AND (conditions & 118517248) = 0
    SAMPLE BY {seconds}s ALIGN TO CALENDAR
) LIMIT {limit}
"""


def frames(batches: Sequence[Batch]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and columns of each write."""
    for kind in TABLES:
        gathered: list[Batch] = []
        rows = 0
        for batch in (each for each in batches if each["kind"] == kind):
            if gathered and rows + len(batch["times"]) > FRAME_ROWS_MAX:
                yield TABLES[kind], _frame(kind, gathered)
                gathered, rows = [], 0
            gathered.append(batch)
            rows += len(batch["times"])
        if gathered:
            yield TABLES[kind], _frame(kind, gathered)


def _frame(kind: str, batches: Sequence[Batch]) -> dict[str, Any]:
    import numpy as np
    import pandas

    def joined(name: str) -> Any:
        return np.concatenate([batch[name] for batch in batches])

    counts = [len(batch["times"]) for batch in batches]
    columns: dict[str, Any] = {"at": joined("times").view("M8[ns]")}
    for name, key in (("symbol", "symbol"), ("source", "feed")):
        names = list(dict.fromkeys(batch[key] for batch in batches))
        codes = np.repeat([names.index(batch[key]) for batch in batches], counts)
        columns[name] = pandas.Categorical.from_codes(codes, names)
    columns["sequence"] = joined("sequences").astype(np.int64)
    for name, key in _DECIMALS[kind].items():
        columns[name] = _decimals(joined(key))
    if kind == "trade":
        columns |= {"side": joined("sides"), "conditions": joined("conditions").view(np.int32)}
    return columns


def _decimals(nanos: Any) -> Any:
    """Nanos as decimals with nine places, of Arrow: two words each, the upper one the sign."""
    import numpy as np
    import pandas
    import pyarrow

    words = np.empty((len(nanos), 2), np.int64)
    words[:, 0] = nanos
    words[:, 1] = nanos >> 63
    buffers = [None, pyarrow.py_buffer(words)]
    array = pyarrow.Array.from_buffers(pyarrow.decimal128(18, 9), len(nanos), buffers)
    return pandas.Series(pandas.arrays.ArrowExtensionArray(array))


async def archive(batches: Sequence[Batch], questdb: QuestDB) -> None:
    """Write these batches; again, if need be. Raises Unavailable."""
    for table, columns in frames(batches):
        await questdb.write(table, columns, SYMBOLS)


async def bars(
    symbol: str, feed: str, seconds: int, since_s: int, until_s: int, limit: int, questdb: QuestDB
) -> list[Bar]:
    """Bars of one feed that begin in [since, until), oldest first; both must begin an interval."""
    assert since_s % seconds == 0 and until_s % seconds == 0
    sql = _BARS.format(seconds=int(seconds), limit=int(limit))
    rows = await questdb.rows(sql, symbol, feed, since_s * 10**9, until_s * 10**9)
    return [
        Bar(int(begins), first, high, low, last, volume, vwap(notional, volume), int(trades))
        for begins, first, high, low, last, volume, notional, trades in rows
    ]
