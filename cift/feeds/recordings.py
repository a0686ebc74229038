"""Any recorded day as a timeline: which kinds of files there are, and how they are told apart.

| what `CIFT_SAMPLE` names | read as |
|---|---|
| a folder with `quotes.parquet` and `prints.parquet` | the carried sample (`sample.py`) |
| a folder below which Lean's zips lie, or one such zip | Lean (`lean.py`): ticks, else minutes |
| a `.csv` or `.parquet` file, or a folder of such | columns by name, below |

Columns: `time` (or `timestamp`): RFC 3339 text, a datetime, or whole seconds, milli-, micro- or
nanoseconds since the Unix epoch; `symbol` (absent: the file's name before its first `_` or `.`);
`price` and `size` of a trade; `bid`, `bid_size`, `ask`, `ask_size` of a quote. A file may hold both
kinds of rows. Days are UTC. Prices go from text to whole nanos, not by floats.

Memory: a day is held whole, 56 bytes a tick; at most `TICKS_MAX`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cift.feeds import lean, sample
from cift.feeds.outside import Quote, Trade
from cift.feeds.sample import SampleMissing
from cift.feeds.timeline import Timeline

if TYPE_CHECKING:
    import polars as pl

TICKS_MAX = 20_000_000
DAY_NS = 86_400 * 10**9
_TRADE = ("price", "size")
_QUOTE = ("bid", "bid_size", "ask", "ask_size")


def read(path: Path, symbols: Sequence[str] = (), day: str = "") -> Timeline:
    """The recording at `path`: its symbols (only `symbols`, where given) of `day` (YYYY-MM-DD; empty:
    the first that there is).

    Raises:
        SampleMissing: what is there cannot be played; the sentence says why.
    """
    if (path / sample.QUOTES).exists():
        tapes = [tape for tape in sample.read(path) if not symbols or tape.symbol in symbols]
        return _some(Timeline.of_tapes(tapes), path)
    zips = lean.days(path if path.is_dir() else path.parent)
    if zips and path.suffix in ("", ".zip"):
        return _some(_lean(path, zips, symbols, day), path)
    files = [path] if path.is_file() else sorted([*path.glob("*.csv"), *path.glob("*.parquet")])
    if not files:
        raise SampleMissing(f"{path} holds no recording: neither Lean's zips nor CSV or Parquet files")
    return _some(_table(files, symbols, day), path)


def _some(line: Timeline, path: Path) -> Timeline:
    if not len(line):
        raise SampleMissing(f"{path} holds no tick of what was asked for")
    return line


def _lean(path: Path, by_day: dict[str, list[Path]], symbols: Sequence[str], day: str) -> Timeline:
    wanted = day.replace("-", "") or (path.name[:8] if path.is_file() else min(by_day))
    if wanted not in by_day:
        raise SampleMissing(f"{path} holds no day {day}; it has {', '.join(sorted(by_day)[:10])}")
    files = [path] if path.is_file() else by_day[wanted]
    files = [each for each in files if not symbols or lean.symbol_of(each) in symbols]
    if files and files[0].parent.parent.name == "tick":
        folders = sorted({each.parent for each in files})
        return Timeline.of_tapes(
            lean.tape(folder / f"{wanted}_trade.zip", folder / f"{wanted}_quote.zip") for folder in folders
        )
    names = sorted({lean.symbol_of(each) for each in files})
    return Timeline(names, (tick for each in files for tick in lean.minutes(each)))


def _table(files: Sequence[Path], symbols: Sequence[str], day: str) -> Timeline:
    import polars as pl

    try:
        frame = pl.concat([_frame(file) for file in files], how="diagonal")
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise SampleMissing(f"cannot read {files[0]}: {problem}") from problem
    if symbols:
        frame = frame.filter(pl.col("symbol").is_in(list(symbols)))
    days = sorted(frame["day"].unique().to_list())
    wanted = _day_number(day) if day else (days[0] if days else 0)
    if day and wanted not in days:
        raise SampleMissing(f"{files[0].parent} holds no tick of {day}")
    frame = frame.filter(pl.col("day") == wanted)
    if len(frame) > TICKS_MAX:
        raise SampleMissing(f"the day has {len(frame):,} ticks; {TICKS_MAX:,} can be played")
    return Timeline(sorted(frame["symbol"].unique().to_list()), _ticks(frame))


def _day_number(day: str) -> int:
    from datetime import date

    return (date.fromisoformat(day) - date(1970, 1, 1)).days


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
        # text → decimal of nine places → whole nanos: exact, where a float times 1e9 need not be
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
        raise SampleMissing(f"{file}: time is {column.dtype}, which is no time")
    latest = max(column.cast(pl.Int64).to_list(), default=0)
    digits = len(str(latest))
    for unit, places in ((10**9, 10), (10**6, 13), (10**3, 16), (1, 19)):
        if digits <= places:
            return (column.cast(pl.Int64) * unit).alias("time")
    raise SampleMissing(f"{file}: {latest} is no time")


def _ticks(frame: pl.DataFrame) -> Iterable[Trade | Quote]:
    have = set(frame.columns)
    if {*_TRADE} <= have:
        trades = frame.drop_nulls(["price", "size"])
        for symbol, at_ns, price, size in trades.select("symbol", "at_ns", *_TRADE).iter_rows():
            if price > 0 and size > 0:
                yield Trade(symbol, at_ns, price, size)
    if {*_QUOTE} <= have:
        quoted = frame.drop_nulls(list(_QUOTE))
        for symbol, at_ns, bid, bid_size, ask, ask_size in quoted.select(
            "symbol", "at_ns", *_QUOTE
        ).iter_rows():
            yield Quote(symbol, at_ns, bid, bid_size, ask, ask_size)
