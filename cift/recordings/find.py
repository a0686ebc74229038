"""The tables in files and folders, each with its reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from cift.recordings import container, lean, table
from cift.recordings.problem import Unreadable
from cift.recordings.reader import QUOTE_COLUMNS, TRADE_COLUMNS, UNIT, Reading, Ticks
from cift.recordings.recognise import Options

if TYPE_CHECKING:
    import polars as pl

ENDINGS = frozenset((".csv", ".txt", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".zip", ".dbn"))
PACKED = frozenset((".gz", ".zst", ".zstd", ".bz2"))
_IGNORED_FOLDERS = ("factor_files", "map_files", "symbol-properties", "market-hours")


class AnyReading(Protocol):
    """What `Reading` and `LeanTicks` have in common."""

    skipped: int
    without_values: int

    @property
    def label(self) -> str: ...

    @property
    def has_ids(self) -> bool: ...

    @property
    def provider(self) -> str: ...

    def notes(self) -> list[str]: ...

    def batches(self) -> Iterator[Ticks]: ...

    def first(self) -> list[Ticks]: ...


class LeanTicks:
    """A tick file of QuantConnect Lean (`cift.recordings.lean`). A quote is the last bid beside the last ask,
    whatever their venues."""

    has_ids = False
    provider = "lean"

    def __init__(self, file: lean.DayFile) -> None:
        self.file, self.label = file, str(file.path)
        self.skipped = self.without_values = 0

    def notes(self) -> list[str]:
        zone = lean.EQUITY_ZONE
        return ["lean-ticks", f"milliseconds since midnight of {self.file.day} in {zone}"]

    def batches(self) -> Iterator[Ticks]:
        try:
            frame = lean.ticks(self.file)
        except lean.NotLean as error:
            raise Unreadable(str(error)) from None
        yield Ticks(self.file.kind, _lean_columns(self.file, frame))

    def first(self) -> list[Ticks]:
        return [Ticks(each.kind, each.frame.head(table.SNIFF_ROWS)) for each in self.batches()]


def midnight_ns(day: date, zone: str) -> int:
    """Midnight at the start of a day in a time zone, in ns since the Unix epoch."""
    moment = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return int(moment.timestamp()) * UNIT


def _lean_columns(file: lean.DayFile, frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    frame = frame.with_columns(
        row=pl.col("row").cast(pl.Int64) + 1,
        symbol=pl.lit(file.symbol),
        at=midnight_ns(file.day, lean.EQUITY_ZONE) + pl.col("at_ms") * 1_000_000,
        id=pl.lit(None, pl.UInt64),
    )
    if file.kind == "trade":
        return (
            frame.filter(pl.col("price") > 0, pl.col("size") > 0)
            .with_columns(
                price=pl.col("price") * lean.EQUITY_PRICE_NANOS,
                quantity=pl.col("size") * UNIT,
                side=pl.lit(0, pl.Int8),
                conditions=pl.col("condition"),
            )
            .select(TRADE_COLUMNS)
        )

    def last(price: str, value: str) -> pl.Expr:
        """The side's last value: a row whose price is 0 leaves the side unchanged."""
        return pl.when(pl.col(price) > 0).then(pl.col(value)).forward_fill().fill_null(0)

    return frame.with_columns(
        bid=last("bid", "bid") * lean.EQUITY_PRICE_NANOS,
        bid_quantity=last("bid", "bid_size") * UNIT,
        ask=last("ask", "ask") * lean.EQUITY_PRICE_NANOS,
        ask_quantity=last("ask", "ask_size") * UNIT,
    ).select(QUOTE_COLUMNS)


def readings(paths: Sequence[Path], options: Options) -> list[AnyReading]:
    """The tables of these files, and of all files below these folders, by name.

    Raises:
        Unreadable: there are none, or one is of no known form.
    """
    found: list[AnyReading] = []
    for path in paths:
        files = _files(path)
        if not files:
            raise Unreadable(f"{path} contains no CSV, JSON, Parquet or DBN file")
        for file in files:
            of_lean = _lean_tick_file(file)
            if of_lean is not None:
                found.append(LeanTicks(of_lean))
            elif not file.name.endswith("_quote.zip") or file.parent.parent.name not in ("minute", "second"):
                found += [Reading(table.opened(part), options) for part in container.parts(file)]
    if not found:
        raise Unreadable(f"{paths[0]} contains only quote bars of Lean, which are not loaded")
    return found


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise Unreadable(f"{path} is not a file or a folder")
    return [
        each
        for each in sorted(path.rglob("*"))
        if each.is_file()
        and not any(part.startswith(".") for part in each.relative_to(path).parts)
        and not any(part in _IGNORED_FOLDERS for part in each.relative_to(path).parts)
        and (each.suffix.lower() in ENDINGS or _is_packed(each))
    ]


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in PACKED and Path(path.stem).suffix.lower() in (*ENDINGS, "")


def _lean_tick_file(path: Path) -> lean.DayFile | None:
    """The file, if it is an equity's tick file in Lean's folders."""
    if path.suffix != ".zip" or len(path.parts) < 3 or path.parent.parent.name != "tick":
        return None
    named = [file for file in lean.day_files(path.parent.parent.parent, "tick") if file.path == path]
    return named[0] if named else None
