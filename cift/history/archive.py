"""Messages of TICKS as blocks of the tick tables. Pure.

Invariant: all ticks of a message are in one block. The view that keeps bars adds one row per message,
keyed by it (`origin`, a hash of the message). A message split over two blocks would make two rows with the
same key, and one of them would be dropped. A redelivered message has the same hash, so it replaces itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from cift.history.tick_store import Factor
from cift.kernel.clock import to_datetime
from cift.kernel.errors import Poison
from cift.platform.journal import Message
from cift.platform.native import NANOS, TIME, Column, block, same
from cift.platform.tick_stream import FACTORS, REBUILD

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
"""The result of `cift_core.ticks.decode_ticks`, and `origin`, a hash of the message."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages by content, in the order of the stream."""

    ticks: list[Message]
    factors: list[Message]
    rebuilds: list[Message]


def split(messages: Sequence[Message]) -> Messages:
    """The messages by content."""
    found = Messages([], [], [])
    for message in messages:
        if message.subject.startswith(FACTORS):
            found.factors.append(message)
        elif message.subject.endswith(f".{REBUILD}") and message.subject.count(".") == 3:
            found.rebuilds.append(message)
        else:
            found.ticks.append(message)
    return found


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The days, [first_day, last_day], of a feed's bars to compute again."""

    feed: str
    symbol: str
    first_day: date
    last_day: date


def rebuilds(messages: Sequence[Message]) -> list[Rebuild]:
    """The requests of these messages, each once. Raises Poison if a message cannot be decoded."""
    found = []
    for message in messages:
        try:
            body = orjson.loads(message.data)
            first, last = (to_datetime(int(body[name])).date() for name in ("first_ns", "last_ns"))
            found.append(Rebuild(str(body["feed"]), str(body["symbol"]), first, last))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise Poison(f"message {message.sequence} of TICKS ({message.subject}): {error}") from error
    return list(dict.fromkeys(found))


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
            batch = ticks.decode_ticks(message.data)
            batch["origin"] = int.from_bytes(blake2b(message.data, digest_size=8).digest(), "little")
            batches.append(batch)
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
    origins = np.repeat(np.array([batch["origin"] for batch in batches], np.uint64), counts)
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
