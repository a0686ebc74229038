"""Writes to QuestDB: messages of TICKS as frames of its tables. `questdb_store` reads."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from cift.history.archive import Batch
from cift.history.tick_store import Factor
from cift.platform.questdb import QuestDB

TABLES = {"trade": "ticks", "quote": "quotes"}
SYMBOLS = ("symbol", "source")
FRAME_ROWS_MAX = 250_000
CONCURRENT_WRITES_MAX = 2
"""The next frame is built while the server ingests one."""
_DECIMALS = {
    "trade": {"price": "prices", "quantity": "quantities"},
    "quote": {
        "bid": "bids",
        "bid_quantity": "bid_quantities",
        "ask": "asks",
        "ask_quantity": "ask_quantities",
    },
}


def frames(batches: Sequence[Batch]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and columns of each write. A message is never split."""
    for kind in TABLES:
        pending: list[Batch] = []
        rows = 0
        for batch in (each for each in batches if each["kind"] == kind):
            if pending and rows + len(batch["times"]) > FRAME_ROWS_MAX:
                yield TABLES[kind], _frame(kind, pending)
                pending, rows = [], 0
            pending.append(batch)
            rows += len(batch["times"])
        if pending:
            yield TABLES[kind], _frame(kind, pending)


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
    """Nanos as Arrow decimals with nine places: two words each, of which the upper one is the sign
    extension."""
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
    """Write these batches; writing them again changes nothing. Raises Unavailable."""
    slots = asyncio.Semaphore(CONCURRENT_WRITES_MAX)

    async def write(table: str, columns: dict[str, Any]) -> None:
        try:
            await questdb.write(table, columns, SYMBOLS)
        finally:
            slots.release()

    try:
        async with asyncio.TaskGroup() as writes:
            for table, columns in frames(batches):
                await slots.acquire()
                writes.create_task(write(table, columns))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def archive_factors(factors: Sequence[tuple[str, Sequence[Factor]]], questdb: QuestDB) -> None:
    """Write the factors of these symbols; writing them again changes nothing. Raises Unavailable."""
    import numpy as np
    import pandas
    import pyarrow

    kind = pandas.ArrowDtype(pyarrow.decimal128(18, 12))
    for symbol, rows in factors:
        columns: dict[str, Any] = {
            "day": np.array([day for day, _, _ in rows], "M8[ns]"),
            "symbol": pandas.Categorical([symbol] * len(rows)),
            "price_factor": pandas.Series([price for _, price, _ in rows], dtype=kind),
            "split_factor": pandas.Series([split for _, _, split in rows], dtype=kind),
        }
        if rows:
            await questdb.write("price_factors", columns, ("symbol",), at="day")
