"""Ticks from files as messages for TICKS. Deterministic: the same file makes the same messages with the
same sequences. So loading it again changes nothing, and an interrupted load can continue.

A tick's sequence is made of its day (since the Unix epoch) and its row in that day's file: day x 2^32 +
row, from 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

BATCH_TICKS = 16_384
ROWS_PER_DAY = 2**32
NANOS = 1_000_000_000
Kind = Literal["trade", "quote"]
TRADE_COLUMNS = ("sequence", "at", "price", "quantity", "side", "conditions")
QUOTE_COLUMNS = ("sequence", "at", "bid", "bid_quantity", "ask", "ask_quantity")


@dataclass(frozen=True, slots=True)
class TickMessage:
    """One message for TICKS."""

    feed: str
    symbol: str
    kind: Kind
    first: int
    """Sequence of the first tick."""
    ticks: int
    """Number of ticks."""
    batch: bytes


def first_sequence(day: date) -> int:
    """The sequence number of the first row in a day's file."""
    return (day - date(1970, 1, 1)).days * ROWS_PER_DAY + 1


def midnight_ns(day: date, zone: str) -> int:
    """Midnight at the start of a day in a time zone, in ns since the Unix epoch."""
    from zoneinfo import ZoneInfo

    moment = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return int(moment.timestamp()) * NANOS


def to_messages(frame: "pl.DataFrame", feed: str, symbol: str, kind: Kind) -> Iterator[TickMessage]:
    """The ticks of a frame as messages. Its columns: TRADE_COLUMNS or QUOTE_COLUMNS (int64 nanos and ns,
    uint64 sequences)."""
    import numpy as np
    from cift_core import ticks

    types = {"sequence": np.uint64, "side": np.int8, "conditions": np.uint32}
    names = TRADE_COLUMNS if kind == "trade" else QUOTE_COLUMNS
    encode = ticks.encode_trades if kind == "trade" else ticks.encode_quotes
    for start in range(0, frame.height, BATCH_TICKS):
        part = frame[start : start + BATCH_TICKS]
        columns = [
            np.ascontiguousarray(part[name].to_numpy(), dtype=types.get(name, np.int64)) for name in names
        ]
        batch = encode(feed, symbol, *columns)
        yield TickMessage(feed, symbol, kind, int(columns[0][0]), part.height, batch)
