"""Files of QuantConnect Lean: `<market>/tick/<symbol>/<yyyymmdd>_{trade,quote}.zip` and
`factor_files/<symbol>.csv`.

Times are ms since midnight of the exchange; prices of shares are 1/10,000 dollar. A row of quotes is one
side of one venue that changed; what is made of it is the last bid beside the last ask, whatever their
venues. Rows that the source calls suspicious are left out; their numbers are not used again.

Known limit: equities of New York alone (crypto comes as minutes in this data, which are no ticks).
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from cift.history.batches import NANOS, Kind, Piece, midnight_ns, numbered, pieces

if TYPE_CHECKING:
    import polars as pl

FEED = "lean"
ZONE = "America/New_York"
PRICE_NANOS = 100_000
_TRADES = ["at_ms", "price", "size", "venue", "condition", "suspicious"]
_QUOTES = ["at_ms", "bid", "bid_size", "ask", "ask_size", "venue", "condition", "suspicious"]


class NotLean(ValueError):
    """The folder or a file is not as Lean's are; one sentence."""


@dataclass(frozen=True, slots=True, order=True)
class DayFile:
    """One file: one symbol, day and kind."""

    day: date
    symbol: str
    kind: Kind
    path: Path


def day_files(folder: Path) -> list[DayFile]:
    """The tick files below a folder (Lean's `Data`, or a market's, or `tick` itself), by day and symbol.

    Raises:
        NotLean: there is none.
    """
    found = []
    for path in folder.rglob("*_*.zip"):
        day, _, kind = path.stem.partition("_")
        if kind not in ("trade", "quote") or len(day) != 8 or path.parent.parent.name != "tick":
            continue
        try:
            when = datetime.strptime(day, "%Y%m%d").date()
        except ValueError:
            continue
        found.append(DayFile(when, path.parent.name.upper(), "trade" if kind == "trade" else "quote", path))
    if not found:
        raise NotLean(f"{folder} holds no tick/<symbol>/<yyyymmdd>_trade.zip or _quote.zip")
    return sorted(found)


def read(file: DayFile) -> "pl.DataFrame":
    """The ticks of a file with the columns of `batches.pieces`. Raises NotLean."""
    import polars as pl

    names = _TRADES if file.kind == "trade" else _QUOTES
    types = [pl.String if name in ("venue", "condition") else pl.Int64 for name in names]
    try:
        with zipfile.ZipFile(file.path) as archive:
            data = archive.read(archive.namelist()[0])
        frame = pl.read_csv(data, has_header=False, new_columns=names, schema_overrides=types)
    except (OSError, zipfile.BadZipFile, IndexError, pl.exceptions.PolarsError) as error:
        raise NotLean(f"{file.path} cannot be read: {error}") from error
    at = midnight_ns(file.day, ZONE) + pl.col("at_ms") * 1_000_000
    frame = numbered(frame, file.day).filter(pl.col("suspicious") == 0)
    if file.kind == "trade":
        condition = pl.col("condition").fill_null("0").replace("", "0").str.to_integer(base=16)
        return frame.filter(pl.col("price") > 0, pl.col("size") > 0).select(
            "sequence",
            at=at,
            price=pl.col("price") * PRICE_NANOS,
            quantity=pl.col("size") * NANOS,
            side=pl.lit(0, pl.Int8),
            conditions=condition.cast(pl.UInt32),
        )

    def last(price: str, value: str) -> "pl.Expr":
        """The side's last word: a row whose price is 0 says nothing of it."""
        return pl.when(pl.col(price) > 0).then(pl.col(value)).forward_fill().fill_null(0)

    return frame.select(
        "sequence",
        at=at,
        bid=last("bid", "bid") * PRICE_NANOS,
        bid_quantity=last("bid", "bid_size") * NANOS,
        ask=last("ask", "ask") * PRICE_NANOS,
        ask_quantity=last("ask", "ask_size") * NANOS,
    )


def messages(file: DayFile) -> Iterator[Piece]:
    """The messages of a file. Raises NotLean."""
    yield from pieces(read(file), FEED, file.symbol, file.kind)


def factor_file(folder: Path, symbol: str) -> list[tuple[date, Decimal, Decimal]]:
    """Day, price factor and split factor of a symbol, oldest first; empty where there is no such file.

    Raises:
        NotLean: a line is not `yyyymmdd,factor,factor,…`.
    """
    paths = sorted(folder.rglob(f"factor_files/{symbol.lower()}.csv"))
    if not paths:
        return []
    return sorted(_factors(paths[0]))


def _factors(path: Path) -> Iterator[tuple[date, Decimal, Decimal]]:
    for line in path.read_text().splitlines():
        parts = line.split(",")
        try:
            yield datetime.strptime(parts[0], "%Y%m%d").date(), Decimal(parts[1]), Decimal(parts[2])
        except (ValueError, IndexError, ArithmeticError):
            raise NotLean(f"{path}: '{line}' is not day, price factor, split factor") from None
