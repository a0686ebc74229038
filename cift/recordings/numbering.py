"""The identity of ticks: feed, symbol, time, and the number within that time or the provider's id.

A sequence is the provider's id if the format has ids that ascend with time, else the time in ns plus the
number of the tick within its instant. So it does not depend on where a file begins or ends, and it equals
the sequence that a live feed gives (`cift.feeds.raw_ticks`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from cift.recordings.reader import Ticks

FROM_BAR = 1 << 31
"""Condition bit of the prints that a loaded bar is stored as."""
MINIMUM = 1
"""Quantity, in units of 1e-9, of the prints of a bar without volume."""


@dataclass
class Numbering:
    """Numbers the ticks of one load. Ticks of a symbol must arrive in the order of time."""

    _last: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """(kind, symbol) → the last instant, and the number of its ticks so far."""

    def numbered(self, ticks: Ticks) -> pl.DataFrame:
        """The frame with the column sequence (UInt64), sorted by symbol, time and sequence."""
        import polars as pl

        frame = ticks.frame.sort("symbol", "at", maintain_order=True)
        if frame["id"].null_count() == 0 and frame.height:
            frame = frame.with_columns(sequence=pl.col("id"))
            frame = frame.unique(["symbol", "at", "sequence"], keep="last", maintain_order=True)
            return frame.sort("symbol", "at", "sequence", maintain_order=True)
        frame = frame.with_columns(
            pl.int_range(pl.len(), dtype=pl.Int64).over("symbol", "at").alias("number"),
            pl.lit(0, pl.Int64).alias("before"),
        )
        for symbol in frame["symbol"].unique().to_list():
            own = frame.filter(pl.col("symbol") == symbol)
            before = self._last.get((ticks.kind, symbol))
            last = int(own["at"][-1])
            count = int((own["at"] == last).sum())
            if before is not None and before[0] == own["at"][0]:
                continues = (pl.col("symbol") == symbol) & (pl.col("at") == before[0])
                frame = frame.with_columns(
                    before=pl.when(continues).then(before[1]).otherwise(pl.col("before"))
                )
                count += before[1] if before[0] == last else 0
            self._last[ticks.kind, symbol] = (last, count)
        return frame.with_columns(
            sequence=(pl.col("at") + pl.col("number") + pl.col("before")).cast(pl.UInt64)
        ).drop("number", "before")


def prints_of_bars(frame: pl.DataFrame, minimum: int = MINIMUM) -> pl.DataFrame:
    """Each bar as four trades, a quarter of its length apart: open, low, high, close if it rose, else open,
    high, low, close. Bars computed from them equal the bars: the volume is divided among the four, in whole
    units if it is whole. A bar without volume has four trades of `minimum`.
    """
    import polars as pl

    unit = 1_000_000_000
    whole = (pl.col("volume") % unit == 0) & (pl.col("volume") >= 4 * unit)
    quarter = pl.when(whole).then(pl.col("volume") // 4 // unit * unit).otherwise(pl.col("volume") // 4)
    quarter = pl.max_horizontal(quarter, pl.lit(minimum))
    rest = pl.max_horizontal(pl.col("volume") - 3 * quarter, pl.lit(minimum))
    rose = pl.col("close") >= pl.col("open")
    first, second = (
        pl.when(rose).then(pl.col("low")).otherwise(pl.col("high")),
        pl.when(rose).then(pl.col("high")).otherwise(pl.col("low")),
    )
    steps = ((pl.col("open"), quarter), (first, quarter), (second, quarter), (pl.col("close"), rest))
    parts = [
        frame.select(
            "row",
            "symbol",
            at=pl.col("at") + pl.col("seconds") * (step * unit // 4),
            id=pl.lit(None, pl.UInt64),
            price=price,
            quantity=quantity,
            side=pl.lit(0, pl.Int8),
            conditions=pl.lit(FROM_BAR, pl.UInt32),
        )
        for step, (price, quantity) in enumerate(steps)
    ]
    return pl.concat(parts).sort("symbol", "at", maintain_order=True)
