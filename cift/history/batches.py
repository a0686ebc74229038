"""Ticks of frames as messages for TICKS.

The sequence of a tick is unique within its instant (`cift.recordings.numbering`). A message must have
increasing sequences, so ticks are divided where the sequences of two instants overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

BATCH_TICKS = 16_384
Kind = Literal["trade", "quote"]
TRADE_COLUMNS = ("sequence", "at", "price", "quantity", "side", "conditions")
QUOTE_COLUMNS = ("sequence", "at", "bid", "bid_quantity", "ask", "ask_quantity")
COLUMNS: dict[Kind, tuple[str, ...]] = {"trade": TRADE_COLUMNS, "quote": QUOTE_COLUMNS}


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


def to_messages(frame: "pl.DataFrame", feed: str, symbol: str, kind: Kind) -> Iterator[TickMessage]:
    """The ticks of a frame as messages. Its columns: TRADE_COLUMNS or QUOTE_COLUMNS (int64 nanos and ns,
    uint64 sequences)."""
    import numpy as np
    from cift_core import ticks

    types = {"sequence": np.uint64, "side": np.int8, "conditions": np.uint32}
    names = COLUMNS[kind]
    encode = ticks.encode_trades if kind == "trade" else ticks.encode_quotes
    columns = [
        np.ascontiguousarray(frame[name].to_numpy(), dtype=types.get(name, np.int64)) for name in names
    ]
    sequences = columns[0]
    breaks = (np.flatnonzero(sequences[1:] <= sequences[:-1]) + 1).tolist()
    for begin, end in zip([0, *breaks], [*breaks, len(sequences)], strict=True):
        for start in range(begin, end, BATCH_TICKS):
            part = [column[start : min(start + BATCH_TICKS, end)] for column in columns]
            batch = encode(feed, symbol, *part)
            yield TickMessage(feed, symbol, kind, int(part[0][0]), len(part[0]), batch)
