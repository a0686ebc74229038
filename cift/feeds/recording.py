"""A recorded day as a timeline, from any of the supported kinds of files.

| what `CIFT_SAMPLE` names | read as |
|---|---|
| a folder with `quotes.parquet` and `prints.parquet` | the bundled sample (`sample.py`) |
| a folder with Lean's zips below it, or one such zip | Lean (`lean_replay.py`): ticks, else minutes |
| a `.csv` or `.parquet` file, or a folder of such files | columns by name, see below |

Columns: `time` (or `timestamp`): RFC 3339 text, a datetime, or whole seconds, milli-, micro- or
nanoseconds since the Unix epoch; `symbol` (if absent, the file's name up to its first `_` or `.`);
`price` and `size` of a trade; `bid`, `bid_size`, `ask`, `ask_size` of a quote. A file can hold both
kinds of rows. Days are UTC. Prices are converted from text to whole nanos without floats.

Memory: the whole day is kept in memory, 56 bytes per tick, at most `TICKS_MAX` ticks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cift.feeds import lean_replay, sample
from cift.feeds.outside import Quote, Trade
from cift.feeds.sample import SampleMissing
from cift.feeds.timeline import Timeline
from cift.recordings import lean

if TYPE_CHECKING:
    import polars as pl

TICKS_MAX = 20_000_000
DAY_NS = 86_400 * 10**9
EPOCH = date(1970, 1, 1)
_TRADE = ("price", "size")
_QUOTE = ("bid", "bid_size", "ask", "ask_size")


def read(path: Path, symbols: Sequence[str] = (), day: str = "") -> Timeline:
    """The recording at `path` of one `day` (YYYY-MM-DD; empty: the first day of the recording). Only
    `symbols`, if any are given.

    Raises:
        SampleMissing: the recording cannot be replayed; the message is the reason.
    """
    if (path / sample.QUOTES).exists():
        symbol_days = [each for each in sample.read(path) if not symbols or each.symbol in symbols]
        return _not_empty(Timeline.of_days(symbol_days), path)
    if path.suffix in ("", ".zip"):
        folder = path if path.is_dir() else path.parent
        ticks = lean.day_files(folder, "tick")
        files = ticks or lean.day_files(folder, "minute")
        if files:
            try:
                return _not_empty(_lean(path, files, symbols, day, of_ticks=bool(ticks)), path)
            except lean.NotLean as problem:
                raise SampleMissing(str(problem)) from problem
    tables = [path] if path.is_file() else sorted([*path.glob("*.csv"), *path.glob("*.parquet")])
    if not tables:
        raise SampleMissing(f"{path} holds no recording: neither Lean's zips nor CSV or Parquet files")
    return _not_empty(_table(tables, symbols, day), path)


def _not_empty(line: Timeline, path: Path) -> Timeline:
    if not len(line):
        raise SampleMissing(f"{path} holds no tick of the requested symbols and day")
    return line


def _lean(
    path: Path, files: Sequence[lean.DayFile], symbols: Sequence[str], day: str, *, of_ticks: bool
) -> Timeline:
    """Of ticks a file stands for its symbol's day: trades and quotes. Of minutes it stands for itself."""
    if path.is_file():
        named = [file for file in files if file.path == path]
        if not named:
            raise SampleMissing(f"{path} is not named like Lean's files: <yyyymmdd>_trade.zip or _quote.zip")
        files = [file for file in files if (file.day, file.symbol) == (named[0].day, named[0].symbol)]
        files = files if of_ticks else named
    days = sorted({file.day for file in files})
    selected = date.fromisoformat(day) if day else days[0]
    if selected not in days:
        raise SampleMissing(f"{path} holds no day {day}; it has {', '.join(map(str, days[:10]))}")
    files = [file for file in files if file.day == selected and (not symbols or file.symbol in symbols)]
    names = sorted({file.symbol for file in files})
    if of_ticks:
        return Timeline.of_days(
            lean_replay.symbol_day([file for file in files if file.symbol == name]) for name in names
        )
    return Timeline(names, (tick for file in files for tick in lean_replay.minutes(file)))


def _table(files: Sequence[Path], symbols: Sequence[str], day: str) -> Timeline:
    import polars as pl

    try:
        frame = pl.concat([_frame(file) for file in files], how="diagonal")
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise SampleMissing(f"cannot read {files[0]}: {problem}") from problem
    if symbols:
        frame = frame.filter(pl.col("symbol").is_in(list(symbols)))
    days = sorted(frame["day"].unique().to_list())
    selected = (date.fromisoformat(day) - EPOCH).days if day else (days[0] if days else 0)
    if day and selected not in days:
        raise SampleMissing(f"{files[0].parent} holds no tick of {day}")
    frame = frame.filter(pl.col("day") == selected)
    if len(frame) > TICKS_MAX:
        raise SampleMissing(f"the day has {len(frame):,} ticks; at most {TICKS_MAX:,} can be replayed")
    return Timeline(sorted(frame["symbol"].unique().to_list()), _ticks(frame))


def _frame(file: Path) -> pl.DataFrame:
    """The file's rows: symbol, day (since the epoch), at_ns (since its midnight), amounts in nanos."""
    import polars as pl

    is_csv = file.suffix == ".csv"
    frame = pl.read_csv(file, infer_schema=False) if is_csv else pl.read_parquet(file)
    frame = frame.rename({"timestamp": "time"} if "timestamp" in frame.columns else {})
    if "time" not in frame.columns:
        raise SampleMissing(f"{file} has no column time or timestamp")
    amounts = [name for name in (*_TRADE, *_QUOTE) if name in frame.columns]
    if not {*_TRADE} <= {*amounts} and not {*_QUOTE} <= {*amounts}:
        raise SampleMissing(f"{file} has neither price and size nor bid, bid_size, ask and ask_size")
    name = file.name.partition(".")[0].partition("_")[0].upper()
    symbol = (
        pl.col("symbol").cast(pl.String).str.to_uppercase() if "symbol" in frame.columns else pl.lit(name)
    )
    nanos = [
        # text → decimal of nine places → whole nanos is exact; a float times 1e9 is not always
        (pl.col(each).cast(pl.String).cast(pl.Decimal(38, 9)) * 1_000_000_000).cast(pl.Int64).alias(each)
        for each in amounts
    ]
    return frame.with_columns(_time_ns(frame["time"], file)).select(
        symbol.alias("symbol"),
        (pl.col("time") // DAY_NS).alias("day"),
        (pl.col("time") % DAY_NS).alias("at_ns"),
        *nanos,
    )


def _time_ns(column: pl.Series, file: Path) -> pl.Series:
    """Nanoseconds since the epoch."""
    import polars as pl

    if column.dtype == pl.String:
        whole = column.cast(pl.Int64, strict=False)
        is_text = whole.null_count() > 0
        column = column.str.to_datetime(time_unit="ns", time_zone="UTC") if is_text else whole
    if column.dtype == pl.Datetime:
        return column.dt.epoch("ns").alias("time")
    if not column.dtype.is_integer() or column.null_count():
        raise SampleMissing(f"{file}: the column time has the type {column.dtype}, which is not a time")
    latest = max(column.cast(pl.Int64).to_list(), default=0)
    digits = len(str(latest))
    for unit, places in ((10**9, 10), (10**6, 13), (10**3, 16), (1, 19)):
        if digits <= places:
            return (column.cast(pl.Int64) * unit).alias("time")
    raise SampleMissing(f"{file}: time {latest} has more digits than nanoseconds since the Unix epoch")


def _ticks(frame: pl.DataFrame) -> Iterable[Trade | Quote]:
    columns = set(frame.columns)
    if {*_TRADE} <= columns:
        trades = frame.drop_nulls(["price", "size"])
        for symbol, at_ns, price, size in trades.select("symbol", "at_ns", *_TRADE).iter_rows():
            if price > 0 and size > 0:
                yield Trade(symbol, at_ns, price, size)
    if {*_QUOTE} <= columns:
        quoted = frame.drop_nulls(list(_QUOTE))
        for symbol, at_ns, bid, bid_size, ask, ask_size in quoted.select(
            "symbol", "at_ns", *_QUOTE
        ).iter_rows():
            yield Quote(symbol, at_ns, bid, bid_size, ask, ask_size)
