"""Messages of TICKS as blocks of the tick tables. Pure.

Invariant: all ticks of a message are in one block. The view that keeps bars adds one row per message,
keyed by it (`origin`). A message split over two blocks would make two rows with the same key, and one of
them would be dropped.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from cift.history.tick_store import Factor
from cift.kernel.errors import Poison
from cift.platform.journal import Message
from cift.platform.native import NANOS, TIME, Column, block, same
from cift.platform.tick_stream import FACTORS

EPOCH = date(1970, 1, 1)
BLOCK_ROWS_MAX = 500_000
"""Below ClickHouse's `max_insert_block_size`, above which it splits a block."""
_TRADES = (("price", NANOS, "prices"), ("quantity", NANOS, "quantities"), ("side", "Int8", "sides"))
_QUOTES = (
    ("bid", NANOS, "bids"),
    ("bid_quantity", NANOS, "bid_quantities"),
    ("ask", NANOS, "asks"),
    ("ask_quantity", NANOS, "ask_quantities"),
)
TABLES = {"trade": "ticks_analytics", "quote": "quotes_analytics"}
_COLUMNS = {"trade": (*_TRADES, ("conditions", "UInt32", "conditions")), "quote": _QUOTES}

Batch = dict[str, Any]
"""The result of `cift_core.ticks.decode_ticks`."""


def split(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """The messages with ticks, and those with factors."""
    factors = [message for message in messages if message.subject.startswith(FACTORS)]
    return [message for message in messages if not message.subject.startswith(FACTORS)], factors


def factors(messages: Sequence[Message]) -> list[tuple[str, list[Factor]]]:
    """Symbol and factors of each message. Raises Poison if a message cannot be decoded."""
    found = []
    for message in messages:
        try:
            body = orjson.loads(message.data)
            rows = [(date.fromisoformat(row[0]), Decimal(row[1]), Decimal(row[2])) for row in body["factors"]]
            found.append((str(body["symbol"]), rows))
        except (ValueError, KeyError, IndexError, TypeError, ArithmeticError) as error:
            raise Poison(f"message {message.sequence} of TICKS ({message.subject}): {error}") from error
    return found


def factor_block(symbol: str, rows: Sequence[Factor]) -> bytes:
    """A block of price_factors."""
    import numpy as np

    def decimals(values: Iterable[Decimal]) -> Any:
        return np.array([int(value.scaleb(12)) for value in values], np.int64)

    return block(
        len(rows),
        [
            ("symbol", "String", same(symbol, len(rows))),
            ("day", "Date32", np.array([(day - EPOCH).days for day, _, _ in rows], np.int32)),
            ("price_factor", "Decimal(18, 12)", decimals(price for _, price, _ in rows)),
            ("split_factor", "Decimal(18, 12)", decimals(split for _, _, split in rows)),
        ],
    )


def decode(messages: Sequence[Message]) -> list[Batch]:
    """The batches of these messages. Raises Poison if a message cannot be decoded."""
    from cift_core import ticks  # imports NumPy, which only functions with tick stores install

    batches = []
    for message in messages:
        try:
            batches.append(ticks.decode_ticks(message.data))
        except ValueError as error:
            raise Poison(f"message {message.sequence} of TICKS ({message.subject}): {error}") from error
    return batches


def blocks(batches: Sequence[Batch]) -> Iterator[tuple[str, int, bytes]]:
    """Kind, number of rows and block of each insert. A message is never split."""
    for kind in TABLES:
        pending: list[Batch] = []
        rows = 0
        for batch in batches:
            if batch["kind"] != kind:
                continue
            if pending and rows + len(batch["times"]) > BLOCK_ROWS_MAX:
                yield kind, rows, _block(kind, pending)
                pending, rows = [], 0
            pending.append(batch)
            rows += len(batch["times"])
        if pending:
            yield kind, rows, _block(kind, pending)


def _block(kind: str, batches: Sequence[Batch]) -> bytes:
    import numpy as np

    def joined(name: str) -> Any:
        return np.concatenate([batch[name] for batch in batches])

    counts = [len(batch["times"]) for batch in batches]
    origins = np.repeat(np.array([batch["sequences"][0] for batch in batches], np.uint64), counts)
    columns: list[Column] = [
        (name, "String", b"".join(same(b[key], n) for b, n in zip(batches, counts, strict=True)))
        for name, key in (("symbol", "symbol"), ("source", "feed"))
    ]
    columns += [("at", TIME, joined("times")), ("sequence", "UInt64", joined("sequences"))]
    columns += [(name, type_, joined(key)) for name, type_, key in _COLUMNS[kind]]
    columns.append(("origin", "UInt64", origins))
    return block(sum(counts), columns)


def missing(last: int, messages: Sequence[Message]) -> int:
    """How many messages of the stream are missing between `last` (0: unknown) and the last of these."""
    count = 0
    for message in messages:
        if last:
            count += message.sequence - last - 1
        last = message.sequence
    return count
