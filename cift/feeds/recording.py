"""A recorded day as a timeline, from any of the supported kinds of files.

| what `CIFT_SAMPLE` names | read as |
|---|---|
| a folder with `quotes.parquet` and `prints.parquet` | the bundled sample (`sample.py`), with its coins |
| a folder with Lean's zips below it, or one such zip | Lean (`lean_replay.py`): ticks, else minutes |
| any other file or folder | what `cift data load` reads (`cift.recordings`); bars as four trades each |

Days are UTC, except those of Lean's equities. Prices and sizes are exact.

Memory: the whole day is kept in memory, 56 bytes per tick, at most `TICKS_MAX` ticks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cift.contracts.conditions import NOT_LAST_SALE
from cift.feeds import lean_replay, quotes, sample
from cift.feeds.outside import Quote, Trade
from cift.feeds.sample import CLOSE_MS, OPEN_MS, SampleMissing
from cift.feeds.timeline import NS_PER_MS, PRICE_NANOS_PER_TICK, Timeline, units_of
from cift.recordings import find, lean
from cift.recordings.numbering import prints_of_bars
from cift.recordings.problem import Unreadable
from cift.recordings.reader import UNIT
from cift.recordings.recognise import Options

if TYPE_CHECKING:
    import polars as pl

TICKS_MAX = 20_000_000
CHECKED_BYTES_MAX = 4 * 1024 * 1024
"""A larger recording is read completely only by the replay, because a start should not take longer."""
DAY_NS = 86_400 * 10**9
EPOCH = date(1970, 1, 1)


def read(path: Path, symbols: Sequence[str] = (), day: str = "") -> Timeline:
    """The recording at `path` of one `day` (YYYY-MM-DD; empty: the first day of the recording). Only
    `symbols`, if any are given.

    Raises:
        SampleMissing: the recording cannot be replayed; the message is the reason.
    """
    if (path / sample.QUOTES).exists():
        symbol_days = [each for each in sample.read(path) if not symbols or each.symbol in symbols]
        return _not_empty(Timeline.of_days(symbol_days, _coins(path, symbols)), path)
    if path.suffix in ("", ".zip"):
        folder = path if path.is_dir() else path.parent
        ticks = lean.day_files(folder, "tick")
        files = ticks or lean.day_files(folder, "minute")
        if files:
            try:
                return _not_empty(_lean(path, files, symbols, day, of_ticks=bool(ticks)), path)
            except lean.NotLean as problem:
                raise SampleMissing(str(problem)) from problem
    return _not_empty(_of_files(path, symbols, day), path)


def check(path: Path, symbols: Sequence[str] = (), day: str = "") -> None:
    """Read a small recording completely, and the first rows of a large one.

    Raises:
        SampleMissing: the recording cannot be replayed; the message is the reason.
    """
    files = [path] if path.is_file() else list(path.rglob("*"))
    if sum(file.stat().st_size for file in files if file.is_file()) <= CHECKED_BYTES_MAX:
        read(path, symbols, day)
        return
    try:
        for reading in find.readings([path], Options()):
            reading.first()
    except Unreadable as problem:
        raise SampleMissing(str(problem)) from problem


def _not_empty(line: Timeline, path: Path) -> Timeline:
    if not len(line):
        raise SampleMissing(f"{path} holds no tick of the requested symbols and day")
    return line


def _coins(path: Path, symbols: Sequence[str]) -> Iterator[Trade | Quote]:
    """The coins of the bundled sample: the hours of the shares' session, at the same time of day. Each print
    is followed by a quote at its price, one tick wide as most recorded ones, with the sizes last recorded."""
    files = lean.day_files(path / sample.COINS, "minute")
    for name, symbol in sample.PAIRS.items():
        if symbols and symbol not in symbols:
            continue
        ticks = [tick for file in files if file.symbol == name for tick in lean_replay.minutes(file)]
        sizes, last = (sample.COIN, sample.COIN), 0
        for tick in sorted(ticks, key=lambda each: each.at_ns):
            at_ns = tick.at_ns - sample.COINS_AHEAD_NS
            if isinstance(tick, Quote):
                sizes = _on_lot(tick.bid_quantity), _on_lot(tick.ask_quantity)
                found: list[Trade | Quote] = [Quote(symbol, at_ns, tick.bid, sizes[0], tick.ask, sizes[1])]
            else:
                bid = tick.price - PRICE_NANOS_PER_TICK * (tick.price >= last)
                last = tick.price
                found = [
                    Trade(symbol, at_ns, tick.price, _on_lot(tick.quantity)),
                    Quote(symbol, at_ns, bid, sizes[0], bid + PRICE_NANOS_PER_TICK, sizes[1]),
                ]
            if OPEN_MS * NS_PER_MS <= at_ns < CLOSE_MS * NS_PER_MS:
                yield from found


def _on_lot(quantity: int) -> int:
    return max(quantity - quantity % sample.COIN_LOT, sample.COIN_LOT)


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


def _of_files(path: Path, symbols: Sequence[str], day: str) -> Timeline:
    """The ticks of one UTC day, from files that `cift.recordings` reads."""
    first_ns = _day_ns(day) if day else 2**62
    frames: dict[str, list[pl.DataFrame]] = {"trade": [], "quote": [], "bar": []}
    rows = 0
    try:
        for reading in find.readings([path], Options()):
            for kind, frame in reading.batches():
                if symbols:
                    frame = frame.filter(frame["symbol"].is_in(list(symbols)))
                if frame.is_empty():
                    continue
                if not day:  # the first day of the recording so far
                    first_ns = min(first_ns, int(frame["at"].min()) // DAY_NS * DAY_NS)  # type: ignore[arg-type]
                frame = frame.filter(frame["at"] >= first_ns, frame["at"] < first_ns + DAY_NS)
                frames[kind].append(frame)
                rows += frame.height
                if rows > TICKS_MAX:
                    raise SampleMissing(
                        f"the day has more than {TICKS_MAX:,} ticks; at most these can be replayed"
                    )
    except Unreadable as problem:
        raise SampleMissing(str(problem)) from problem
    if not rows:
        raise SampleMissing(f"{path} holds no tick" + (f" of {day}" if day else ""))
    return _timeline(frames, first_ns)


def _day_ns(day: str) -> int:
    return (date.fromisoformat(day) - EPOCH).days * DAY_NS


def _timeline(frames: dict[str, list[pl.DataFrame]], day_ns: int) -> Timeline:
    """The ticks of a day. A bar is four trades, also without volume, and the quotes derived from them."""
    import polars as pl

    def rows(frame: pl.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
        in_day = frame.filter(pl.col("at") >= day_ns, pl.col("at") < day_ns + DAY_NS)
        return in_day.select("symbol", pl.col("at") - day_ns, *columns).iter_rows()

    ticks: list[Trade | Quote] = []
    for frame in frames["quote"]:
        ticks += [Quote(*row) for row in rows(frame, "bid", "bid_quantity", "ask", "ask_quantity")]
    for frame in frames["trade"]:
        current = frame.filter(pl.col("conditions") & NOT_LAST_SALE == 0)
        ticks += [Trade(*row) for row in rows(current, "price", "quantity")]
    if frames["bar"]:
        of_bars = prints_of_bars(pl.concat(frames["bar"]), UNIT)
        prints = [Trade(*row) for row in rows(of_bars, "price", "quantity")]
        ticks += prints
        with_quotes = {tick.symbol for tick in ticks if isinstance(tick, Quote)}
        for symbol in sorted({tick.symbol for tick in prints} - with_quotes):
            ticks += _derived([tick for tick in prints if tick.symbol == symbol])
    return Timeline(sorted({tick.symbol for tick in ticks}), ticks)


def _derived(prints: list[Trade]) -> Iterator[Quote]:
    """Quotes derived from the prints of one symbol (`quotes.quotes_from_prints`), in its own tick."""
    tick, lot = units_of([each.price for each in prints], [each.quantity for each in prints])
    rows = (
        quotes.Print(each.at_ns // NS_PER_MS, each.price // tick, max(each.quantity // lot, 1))
        for each in prints
    )
    for row in quotes.quotes_from_prints(rows):
        size, at_ns = row.bid_size * lot, row.at_ms * NS_PER_MS + NS_PER_MS - 1
        if row.bid > 0:
            yield Quote(prints[0].symbol, at_ns, row.bid * tick, size, row.ask * tick, size)
