"""Recorded days in the folders of QuantConnect Lean: CSV in zip, one file a symbol, day and kind.

| file | rows |
|---|---|
| `<market>/tick/<symbol>/<yyyymmdd>_trade.zip` | ms, price, size, venue, condition (hex), suspicious |
| `…_quote.zip` | ms, bid, bid size, ask, ask size, venue, condition, suspicious; an unchanged side is 0 |
| `<market>/minute/<symbol>/<yyyymmdd>_trade.zip` | ms, open, high, low, close, volume |
| `…_quote.zip` | ms, bid open high low close, last size, ask open high low close, last size |

Prices of equities are in 1/10,000 dollar and times milliseconds since midnight in New York; those of
other markets are decimal dollars and UTC. Of equities the regular session is kept. `quotes.py` decides
what a quote is. A minute is played as its close's quote and four prints of a quarter of its volume:
open, high and low (or low and high, where it fell), close, a quarter of a minute apart.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cift.feeds import quotes, sample
from cift.feeds.outside import Quote, Trade
from cift.kernel.money import NANOS, nanos_of

if TYPE_CHECKING:
    import polars as pl

UNITS_PER_TICK = 100
"""Equities: 1/10,000 dollar in our ticks of 0.01."""
UNIT_NANOS = 100_000
MINUTE_NS = 60_000_000_000
NS_PER_MS = 1_000_000
_NAME = re.compile(r"(\d{8})_(trade|quote)\.zip")


def days(folder: Path) -> dict[str, list[Path]]:
    """The files below `folder` by day (yyyymmdd), those of one resolution: ticks where there are any."""
    files = [path for path in sorted(folder.rglob("*.zip")) if _NAME.fullmatch(path.name)]
    found = [path for path in files if path.parent.parent.name == "tick"]
    found = found or [path for path in files if path.parent.parent.name == "minute"]
    by_day: dict[str, list[Path]] = {}
    for path in found:
        by_day.setdefault(path.name[:8], []).append(path)
    return by_day


def symbol_of(path: Path) -> str:
    return path.parent.name.upper()


def read_prints(path: Path) -> list[quotes.Print]:
    """An equity's ticks of trades, those that say something about the price."""
    frame = _ticks(path, ["at_ms", "price", "size", "venue", "condition", "suspicious"])
    conditions = {text: int(text or "0", 16) for text in frame["condition"].unique().to_list()}
    rows = zip(frame["at_ms"], frame["price"], frame["size"], frame["condition"], strict=True)
    return list(
        quotes.merge_prints(
            quotes.Print(at_ms, price // UNITS_PER_TICK, size)
            for at_ms, price, size, condition in rows
            if quotes.is_last_sale(conditions[condition]) and price % UNITS_PER_TICK == 0
        )
    )


def read_quotes(
    path: Path, prints: Iterable[quotes.Print], window_ms: int = quotes.WINDOW_MS
) -> list[quotes.Quote]:
    """An equity's ticks of quotes, two-sided and conflated."""
    columns = ["at_ms", "bid", "bid_size", "ask", "ask_size", "venue", "condition", "suspicious"]
    frame = _ticks(path, columns)
    rows = zip(*(frame[name] for name in columns[:5]), strict=True)
    return list(
        quotes.quotes_from_updates(
            (
                quotes.Update(at_ms, bid // UNITS_PER_TICK, bid_size, ask // UNITS_PER_TICK, ask_size)
                for at_ms, bid, bid_size, ask, ask_size in rows
            ),
            prints,
            window_ms,
        )
    )


def tape(trades: Path, quoted: Path, window_ms: int = quotes.WINDOW_MS) -> sample.Tape:
    """One equity's day of ticks; without recorded quotes they are made from the prints."""
    prints = read_prints(trades) if trades.exists() else []
    derived = not quoted.exists()
    made = (
        list(quotes.quotes_from_prints(prints, window_ms))
        if derived
        else read_quotes(quoted, prints, window_ms)
    )
    return sample.Tape(symbol_of(trades), derived, made, prints)


def minutes(path: Path) -> Iterator[Trade | Quote]:
    """The bars of one file as ticks; times are nanoseconds since the day's midnight."""
    symbol, equity = symbol_of(path), "equity" in path.parts

    def nanos(text: str) -> int:
        return int(text) * UNIT_NANOS if equity else nanos_of(text)

    for line in _text(path).splitlines():
        at, *fields = line.split(",")
        if equity and not sample.OPEN_MS <= int(at) < sample.CLOSE_MS:
            continue
        start_ns = int(at) * NS_PER_MS
        if path.name.endswith("_quote.zip"):
            if fields[3] and fields[8]:
                yield Quote(
                    symbol,
                    start_ns + MINUTE_NS - 1,
                    nanos(fields[3]),
                    nanos_of(fields[4]),
                    nanos(fields[8]),
                    nanos_of(fields[9]),
                )
        else:
            first, high, low, last = (nanos(text) for text in fields[:4])
            way = (first, low, high, last) if last >= first else (first, high, low, last)
            quarter = nanos_of(fields[4]) // 4
            if equity:
                quarter -= quarter % NANOS
            for step, price in enumerate(way):
                if quarter:
                    yield Trade(symbol, start_ns + step * MINUTE_NS // 4, price, quarter)


def _ticks(path: Path, columns: list[str]) -> pl.DataFrame:
    """Every column an integer but the venue and the condition."""
    import polars as pl

    types = [pl.Utf8 if name in ("venue", "condition") else pl.Int64 for name in columns]
    frame = pl.read_csv(_text(path).encode(), has_header=False, new_columns=columns, schema_overrides=types)
    return frame.filter(
        (pl.col("suspicious") == 0)
        & (pl.col("at_ms") >= sample.OPEN_MS)
        & (pl.col("at_ms") < sample.CLOSE_MS)
    )


def _text(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0]).decode()
