"""Ticks from CSV and Parquet files of any origin, by column names.

| column | kind | value |
|---|---|---|
| symbol | both | optional if the caller gives one |
| at (or timestamp, time) | both | RFC 3339, a timestamp (without zone: UTC), or ns since the Unix epoch |
| price, quantity (or size) | trades | decimals |
| aggressor (or side) | trades | buy, sell or empty; optional |
| conditions | trades | an integer; optional |
| bid, bid_quantity, ask, ask_quantity | quotes | decimals (or bid_size, ask_size) |

A file with a column bid holds quotes, else trades. A tick's sequence is its time in ns or the previous
sequence plus one, whichever is larger. So the same file makes the same sequences, and files of other
times make other ones.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cift.history.batches import Kind, TickMessage, to_messages

if TYPE_CHECKING:
    import polars as pl

OTHER_NAMES = {
    "timestamp": "at",
    "time": "at",
    "size": "quantity",
    "side": "aggressor",
    "bid_size": "bid_quantity",
    "ask_size": "ask_quantity",
}
_TRADE = ("price", "quantity")
_QUOTE = ("bid", "bid_quantity", "ask", "ask_quantity")


class NotTicks(ValueError):
    """The file cannot be read as ticks. The message is one sentence."""


def read(path: Path, symbol: str | None) -> tuple[Kind, "pl.DataFrame"]:
    """Kind and ticks of a file, sorted by symbol and time. Columns: symbol, and those of
    `batches.to_messages`.

    Raises:
        NotTicks
    """
    import polars as pl

    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
        frame = frame.rename({old: new for old, new in OTHER_NAMES.items() if old in frame.columns})
        if symbol is not None:
            frame = frame.with_columns(symbol=pl.lit(symbol))
        kind: Kind = "quote" if "bid" in frame.columns else "trade"
        needed = ("symbol", "at", *(_QUOTE if kind == "quote" else _TRADE))
        missing = [name for name in needed if name not in frame.columns]
        if missing:
            raise NotTicks(f"{path} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}")
        frame = _typed(frame, kind)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise NotTicks(f"{path} cannot be read: {error}") from error
    empty = sum(frame.null_count().row(0))
    if empty:
        raise NotTicks(f"{path}: {empty} values are not times or numbers")
    return kind, _numbered(frame)


def _typed(frame: "pl.DataFrame", kind: Kind) -> "pl.DataFrame":
    import polars as pl

    def nanos(name: str) -> "pl.Expr":
        """Exact, by way of a decimal; only a float column of the file is converted from floats."""
        column = pl.col(name)
        if frame.schema[name].is_float():
            return (column * 1e9).round().cast(pl.Int64).alias(name)
        return (column.cast(pl.Decimal(38, 9)) * 1_000_000_000).cast(pl.Int64).alias(name)

    at = pl.col("at")
    dtype = frame.schema["at"]
    if dtype == pl.String:
        at = pl.coalesce(
            at.cast(pl.Int64, strict=False),
            at.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False).dt.epoch("ns"),
        )
    elif dtype.is_temporal():
        at = at.cast(pl.Datetime("ns", getattr(dtype, "time_zone", None))).dt.epoch("ns")
    columns: list[pl.Expr] = [pl.col("symbol"), at.cast(pl.Int64).alias("at")]
    if kind == "quote":
        return frame.select(*columns, *map(nanos, _QUOTE))
    side = pl.lit(0, pl.Int8)
    if "aggressor" in frame.columns:
        name = pl.col("aggressor").cast(pl.String)
        side = pl.when(name == "buy").then(1).when(name == "sell").then(-1).otherwise(0).cast(pl.Int8)
    conditions = pl.lit(0, pl.UInt32)
    if "conditions" in frame.columns:
        conditions = pl.col("conditions").cast(pl.UInt32)
    return frame.select(*columns, *map(nanos, _TRADE), side.alias("side"), conditions.alias("conditions"))


def _numbered(frame: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    place = pl.int_range(pl.len(), dtype=pl.Int64)
    monotonic = ((pl.col("at") - place).cum_max() + place).over("symbol")
    frame = frame.sort("symbol", "at", maintain_order=True)
    return frame.with_columns(sequence=monotonic.cast(pl.UInt64))


def messages(path: Path, feed: str, symbol: str | None) -> Iterator[TickMessage]:
    """The messages of a file. Raises NotTicks."""
    kind, frame = read(path, symbol)
    for (name,), part in frame.group_by("symbol", maintain_order=True):
        yield from to_messages(part, feed, str(name), kind)
