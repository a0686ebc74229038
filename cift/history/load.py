"""Loads files of recorded market data into the tick stores, through the stream TICKS like a feed.

All files are read once before anything is sent: so a file with a doubtful value changes nothing. Each file
then replaces what its feed has of the same symbols and kinds, from the file's first tick to its last
(`replace.py`). Bars are stored as four trades each (`numbering.prints_of_bars`).

Memory: up to `KEEP_ROWS` rows are kept between the two passes; larger files are read twice, in blocks. A
file that is not in the order of time is sorted in memory, up to `SORT_ROWS_MAX` rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from cift.history.replace import Replacement, Replacing
from cift.recordings.find import AnyReading
from cift.recordings.numbering import Numbering, prints_of_bars
from cift.recordings.problem import Unreadable
from cift.recordings.reader import Ticks

if TYPE_CHECKING:
    import polars as pl

    from cift.history.batches import Kind

KEEP_ROWS = 2_000_000
SORT_ROWS_MAX = 20_000_000
DAY_NS = 86_400 * 10**9
RESERVED_FEEDS = frozenset(("exchange", "replay", "agents"))
Factors = list[tuple[date, Decimal, Decimal]]


@dataclass(frozen=True)
class Wanted:
    """Which ticks are loaded."""

    feed: str = ""
    """Empty: the provider's name; of bars, with their interval."""
    symbols: frozenset[str] = frozenset()
    """Empty: all."""
    since_ns: int = 0
    until_ns: int = 2**63 - 1


Key = tuple[str, str, str]
"""Feed, symbol and kind (trade or quote)."""


@dataclass
class Span:
    """The ticks of one feed, symbol and kind in a file."""

    first_ns: int
    last_ns: int
    rows: int = 0


@dataclass
class Survey:
    """What a file contains."""

    reading: AnyReading
    spans: dict[Key, Span] = field(default_factory=dict)
    rows: int = 0
    is_sorted: bool = True
    kept: list[tuple[str, Kind, pl.DataFrame]] | None = field(default_factory=list)
    """Feed, kind and ticks; None if there are too many to keep."""


def check_feed(feed: str) -> None:
    """Raises Unreadable: the feed's name is reserved."""
    if feed in RESERVED_FEEDS:
        raise Unreadable(
            f"--feed {feed} is reserved: the exchange writes it itself; use another name, such as file"
        )


def survey(reading: AnyReading, wanted: Wanted, budget: int) -> Survey:
    """Read a whole file. Raises Unreadable."""
    found = Survey(reading)
    last: dict[Key, int] = {}
    for feed, kind, frame in _parts(reading, wanted):
        found.rows += frame.height
        for symbol in frame["symbol"].unique(maintain_order=True).to_list():
            at = frame.filter(frame["symbol"] == symbol)["at"]
            low, high = int(at.min()), int(at.max())  # type: ignore[arg-type]
            key = (feed, symbol, kind)
            found.is_sorted = found.is_sorted and at.is_sorted() and low >= last.get(key, 0)
            last[key] = high
            span = found.spans.setdefault(key, Span(low, high))
            span.first_ns, span.last_ns = min(span.first_ns, low), max(span.last_ns, high)
            span.rows += len(at)
        if found.kept is not None:
            found.kept.append((feed, kind, frame))
            if found.rows > budget:
                found.kept = None
    if not found.is_sorted and found.rows > SORT_ROWS_MAX:
        raise Unreadable(
            f"{reading.label} is not in the order of time, and has {found.rows:,} rows; at most"
            f" {SORT_ROWS_MAX:,} are sorted; sort the file by time first"
        )
    return found


def _parts(reading: AnyReading, wanted: Wanted) -> Iterator[tuple[str, Kind, pl.DataFrame]]:
    """Feed, kind and wanted ticks of each batch; bars as trades."""
    import polars as pl

    for ticks in reading.batches():
        frame = ticks.frame
        if wanted.symbols:
            frame = frame.filter(pl.col("symbol").is_in(list(wanted.symbols)))
        frame = frame.filter(pl.col("at") >= wanted.since_ns, pl.col("at") < wanted.until_ns)
        if not frame.height:
            continue
        if ticks.kind != "bar":
            yield wanted.feed or reading.provider, ticks.kind, frame
            continue
        for (seconds,), part in frame.group_by("seconds", maintain_order=True):
            twice = part.filter(part.select("symbol", "at").is_duplicated())
            if twice.height:
                rows = " and ".join(map(str, twice["row"].head(2).to_list()))
                raise Unreadable(f"{reading.label}, rows {rows}: two bars begin at the same time; remove one")
            feed = wanted.feed or f"{reading.provider}-{interval(int(str(seconds)))}"
            yield feed, "trade", prints_of_bars(part)


def interval(seconds: int) -> str:
    """60 → 1m, 86400 → 1d."""
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"


async def load(readings: Sequence[AnyReading], wanted: Wanted, replacing: Replacing) -> list[Survey]:
    """Load these files; what each contained.

    Raises:
        Unreadable: a value is doubtful; nothing was loaded.
        Conflict: the stored ticks of the span are bars and these are not, or the other way round.
        Unavailable: the stream or a store does not respond, or the archive makes no progress.
    """
    surveys = []
    budget = KEEP_ROWS
    for reading in readings:
        found = await asyncio.to_thread(survey, reading, wanted, budget)
        budget -= found.rows if found.kept is not None else 0
        surveys.append(found)
    for found in surveys:
        await _load_file(found, wanted, replacing)
    await replacing.finish()
    return surveys


async def _load_file(found: Survey, wanted: Wanted, replacing: Replacing) -> None:
    numbering: dict[str, Numbering] = {}
    replacements: dict[Key, Replacement] = {}
    numbered = _numbered(found, wanted, numbering)
    while (item := await asyncio.to_thread(next, numbered, None)) is not None:
        feed, kind, frame = item
        for (name,), part in frame.group_by("symbol", maintain_order=True):
            key = (feed, str(name), kind)
            if key not in replacements:
                replacements[key] = _replacement(found, key, kind, part, replacing)
            await replacements[key].add(part)
    for replacement in replacements.values():
        await replacement.end()


def _replacement(
    found: Survey, key: Key, kind: Kind, part: pl.DataFrame, replacing: Replacing
) -> Replacement:
    """With the provider's ids the span goes from the first id to the last. Without them it goes from the
    beginning of the first instant to the end of the last."""
    feed, symbol, _ = key
    span = found.spans[key]
    has_ids = found.reading.has_ids and found.reading.provider != "file"
    first = (span.first_ns, int(part["sequence"][0]) if has_ids else 0)
    return Replacement(replacing, feed, symbol, kind, first, span.last_ns, ends_at_last_tick=has_ids)


def _numbered(
    found: Survey, wanted: Wanted, numbering: dict[str, Numbering]
) -> Iterator[tuple[str, Kind, pl.DataFrame]]:
    """Feed, kind and ticks, numbered, by time within a symbol."""
    import polars as pl

    parts = iter(found.kept) if found.kept is not None else _parts(found.reading, wanted)
    if not found.is_sorted:
        together: dict[tuple[str, Kind], list[pl.DataFrame]] = {}
        for feed, kind, frame in parts:
            together.setdefault((feed, kind), []).append(frame)
        parts = iter([(*key, pl.concat(frames)) for key, frames in together.items()])
    for feed, kind, frame in parts:
        numbers = numbering.setdefault(feed, Numbering())
        yield feed, kind, numbers.numbered(Ticks(kind, frame))
