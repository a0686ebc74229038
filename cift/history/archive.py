"""Messages of TICKS as blocks of the tick tables. Pure but for counting.

Invariant: all ticks of a message are in one block. The bars that a block adds to are keyed by the message
(`origin`): half a message in one block and half in the next would be two rows of one key, of which one is
dropped.
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
"""Below ClickHouse's own `max_insert_block_size`, above which it would cut a block."""
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
"""What `cift_core.ticks.decode_ticks` gives."""


def parted(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """The messages of ticks, and those of factors."""
    factors = [message for message in messages if message.subject.startswith(FACTORS)]
    return [message for message in messages if not message.subject.startswith(FACTORS)], factors


def factors(messages: Sequence[Message]) -> list[tuple[str, list[Factor]]]:
    """A symbol and its factors of each message. Raises Poison: a message is none."""
    found = []
    for message in messages:
        try:
            told = orjson.loads(message.data)
            rows = [(date.fromisoformat(row[0]), Decimal(row[1]), Decimal(row[2])) for row in told["factors"]]
            found.append((str(told["symbol"]), rows))
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
    """The batches of these messages. Raises Poison: a message is none."""
    from cift_core import ticks  # brings NumPy, which only those who keep ticks have

    batches = []
    for message in messages:
        try:
            batches.append(ticks.decode_ticks(message.data))
        except ValueError as error:
            raise Poison(f"message {message.sequence} of TICKS ({message.subject}): {error}") from error
    return batches


def blocks(batches: Sequence[Batch]) -> Iterator[tuple[str, int, bytes]]:
    """Kind, rows and block of each insert, whole messages together."""
    for kind in TABLES:
        gathered: list[Batch] = []
        rows = 0
        for batch in batches:
            if batch["kind"] != kind:
                continue
            if gathered and rows + len(batch["times"]) > BLOCK_ROWS_MAX:
                yield kind, rows, _block(kind, gathered)
                gathered, rows = [], 0
            gathered.append(batch)
            rows += len(batch["times"])
        if gathered:
            yield kind, rows, _block(kind, gathered)


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


def lost(last: int, messages: Sequence[Message]) -> int:
    """How many messages of the stream are missing between `last` (0: not known) and among these."""
    missing = 0
    for message in messages:
        if last:
            missing += message.sequence - last - 1
        last = message.sequence
    return missing
