"""Files of QuantConnect Lean: CSV in zip, one file per symbol, day and kind.

| file | rows |
|---|---|
| `<market>/tick/<symbol>/<yyyymmdd>_trade.zip` | ms, price, size, venue, condition (hex), suspicious |
| `…_quote.zip` | ms, bid, bid size, ask, ask size, venue, condition, suspicious; an unchanged side is 0 |
| `<market>/minute/<symbol>/<yyyymmdd>_trade.zip` | ms, open, high, low, close, volume |
| `…_quote.zip` | ms, bid open high low close, last size, ask open high low close, last size |
| `factor_files/<symbol>.csv` | yyyymmdd, price factor, split factor, … |

Prices of equities are in 1/10,000 dollar and times are milliseconds since midnight in New York. Other
markets have decimal dollars and UTC. A row of tick quotes is one changed side at one venue.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

EQUITY_ZONE = "America/New_York"
EQUITY_PRICE_NANOS = 100_000
"""Nanos in one unit of an equity's prices."""
Kind = Literal["trade", "quote"]
Resolution = Literal["tick", "minute"]
_TRADES = ["at_ms", "price", "size", "venue", "condition", "suspicious"]
_QUOTES = ["at_ms", "bid", "bid_size", "ask", "ask_size", "venue", "condition", "suspicious"]


class NotLean(ValueError):
    """A folder or a file is not in Lean's form. The message is one sentence."""


@dataclass(frozen=True, slots=True, order=True)
class DayFile:
    """One file: one symbol, day and kind."""

    day: date
    symbol: str
    kind: Kind
    path: Path

    @property
    def is_equity(self) -> bool:
        return "equity" in self.path.parts


def day_files(folder: Path, resolution: Resolution) -> list[DayFile]:
    """The files of one resolution below `folder`, sorted by day, symbol and kind; empty if there are none."""
    found = []
    for path in folder.rglob("*_*.zip"):
        day, _, kind = path.stem.partition("_")
        if kind not in ("trade", "quote") or len(day) != 8 or path.parent.parent.name != resolution:
            continue
        try:
            when = datetime.strptime(day, "%Y%m%d").date()
        except ValueError:
            continue
        found.append(DayFile(when, path.parent.name.upper(), "trade" if kind == "trade" else "quote", path))
    return sorted(found)


def ticks(file: DayFile) -> pl.DataFrame:
    """The rows of an equity's tick file, in the file's units; rows marked as suspicious are left out.

    Columns of trades: row, at_ms, price, size, condition; of quotes: row, at_ms, bid, bid_size, ask,
    ask_size. `row` counts all rows of the file from 0, suspicious ones included. An unchanged side has
    the price 0.

    Raises:
        NotLean: the file cannot be read.
    """
    import polars as pl

    names = _TRADES if file.kind == "trade" else _QUOTES
    types = [pl.String if name in ("venue", "condition") else pl.Int64 for name in names]
    try:
        frame = pl.read_csv(_content(file), has_header=False, new_columns=names, schema_overrides=types)
    except pl.exceptions.PolarsError as error:
        raise NotLean(f"{file.path} cannot be read: {error}") from error
    frame = frame.with_row_index("row").filter(pl.col("suspicious") == 0)
    if file.kind == "quote":
        return frame.select("row", *_QUOTES[:5])
    condition = pl.col("condition").fill_null("0").replace("", "0").str.to_integer(base=16).cast(pl.UInt32)
    return frame.select("row", *_TRADES[:3], condition=condition)


def lines(file: DayFile) -> Iterator[list[str]]:
    """The fields of each row of a file, as text. Raises NotLean."""
    for line in _content(file).decode().splitlines():
        yield line.split(",")


def factors(folder: Path, symbol: str) -> list[tuple[date, Decimal, Decimal]]:
    """Day, price factor and split factor of a symbol, oldest first; empty if it has no factor file.

    Raises:
        NotLean: a line is not `yyyymmdd,factor,factor,…`.
    """
    paths = sorted(folder.rglob(f"factor_files/{symbol.lower()}.csv"))
    return sorted(_factors(paths[0])) if paths else []


def _factors(path: Path) -> Iterator[tuple[date, Decimal, Decimal]]:
    for line in path.read_text().splitlines():
        parts = line.split(",")
        try:
            yield datetime.strptime(parts[0], "%Y%m%d").date(), Decimal(parts[1]), Decimal(parts[2])
        except (ValueError, IndexError, ArithmeticError):
            raise NotLean(f"{path}: '{line}' is not day, price factor, split factor") from None


def _content(file: DayFile) -> bytes:
    try:
        with zipfile.ZipFile(file.path) as archive:
            return archive.read(archive.namelist()[0])
    except (OSError, zipfile.BadZipFile, IndexError) as error:
        raise NotLean(f"{file.path} cannot be read: {error}") from error
