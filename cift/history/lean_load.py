"""Ticks of QuantConnect Lean's files as messages for TICKS (`cift data load lean`).

Lean's quote rows are one changed side at one venue each. A loaded quote is the last bid beside the last
ask, whatever their venues. Suspicious rows are left out; their sequence numbers are not used again.

Known limit: New York equities only. The crypto in this data is recorded as minutes, not as ticks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cift.history.batches import NANOS, TickMessage, first_sequence, midnight_ns, to_messages
from cift.recordings import lean
from cift.recordings.lean import DayFile, NotLean

if TYPE_CHECKING:
    import polars as pl

FEED = "lean"


def tick_files(folder: Path) -> list[DayFile]:
    """The tick files below a folder (Lean's `Data`, a market's, or `tick` itself), by day and symbol.

    Raises:
        NotLean: there are none.
    """
    found = lean.day_files(folder, "tick")
    if not found:
        raise NotLean(f"{folder} holds no tick/<symbol>/<yyyymmdd>_trade.zip or _quote.zip")
    return found


def read(file: DayFile) -> "pl.DataFrame":
    """The ticks of a file with the columns of `batches.to_messages`. Raises NotLean."""
    import polars as pl

    frame = lean.ticks(file)
    sequence = pl.col("row").cast(pl.UInt64) + first_sequence(file.day)
    at = midnight_ns(file.day, lean.EQUITY_ZONE) + pl.col("at_ms") * 1_000_000
    if file.kind == "trade":
        return frame.filter(pl.col("price") > 0, pl.col("size") > 0).select(
            sequence=sequence,
            at=at,
            price=pl.col("price") * lean.EQUITY_PRICE_NANOS,
            quantity=pl.col("size") * NANOS,
            side=pl.lit(0, pl.Int8),
            conditions=pl.col("condition"),
        )

    def last(price: str, value: str) -> "pl.Expr":
        """The side's last value: a row whose price is 0 leaves the side unchanged."""
        return pl.when(pl.col(price) > 0).then(pl.col(value)).forward_fill().fill_null(0)

    return frame.select(
        sequence=sequence,
        at=at,
        bid=last("bid", "bid") * lean.EQUITY_PRICE_NANOS,
        bid_quantity=last("bid", "bid_size") * NANOS,
        ask=last("ask", "ask") * lean.EQUITY_PRICE_NANOS,
        ask_quantity=last("ask", "ask_size") * NANOS,
    )


def messages(file: DayFile) -> Iterator[TickMessage]:
    """The messages of a file. Raises NotLean."""
    yield from to_messages(read(file), FEED, file.symbol, file.kind)
