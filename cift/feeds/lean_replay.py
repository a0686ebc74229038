"""Recorded days of QuantConnect Lean as ticks to replay. `cift.recordings.lean` reads the files.

`quotes.py` derives quotes from tick rows. Of equities only the regular session is kept. A minute is
replayed as the quote at its close and four prints of a quarter of its volume each, a quarter of a minute
apart: open, high and low (low and high if the price fell), close.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cift.feeds import quotes, sample
from cift.feeds.outside import Quote, Trade
from cift.kernel.money import NANOS, nanos_of
from cift.recordings import lean
from cift.recordings.lean import DayFile

UNITS_PER_TICK = 100
"""Units of an equity's prices (1/10,000 dollar) in one tick of 0.01."""
MINUTE_NS = 60_000_000_000
NS_PER_MS = 1_000_000


def symbol_day(files: Sequence[DayFile], window_ms: int = quotes.WINDOW_MS) -> sample.SymbolDay:
    """One equity's day, from its tick files (trades, quotes or both). Without recorded quotes, quotes are
    derived from the prints. Raises NotLean."""
    by_kind = {file.kind: file for file in files}
    assert files and len({file.symbol for file in files}) == 1 and len(by_kind) == len(files)
    prints = _prints(by_kind["trade"]) if "trade" in by_kind else []
    derived = "quote" not in by_kind
    if derived:
        made = list(quotes.quotes_from_prints(prints, window_ms))
    else:
        made = list(quotes.quotes_from_updates(_updates(by_kind["quote"]), prints, window_ms))
    return sample.SymbolDay(files[0].symbol, derived, made, prints)


def _prints(file: DayFile) -> list[quotes.Print]:
    """An equity's prints that move the last price."""
    columns = _session(file, "at_ms", "price", "size", "condition")
    return list(
        quotes.merge_prints(
            quotes.Print(at_ms, price // UNITS_PER_TICK, size)
            for at_ms, price, size, condition in columns
            if quotes.is_last_sale(condition) and price % UNITS_PER_TICK == 0
        )
    )


def _updates(file: DayFile) -> Iterator[quotes.Update]:
    for at_ms, bid, bid_size, ask, ask_size in _session(file, "at_ms", "bid", "bid_size", "ask", "ask_size"):
        yield quotes.Update(at_ms, bid // UNITS_PER_TICK, bid_size, ask // UNITS_PER_TICK, ask_size)


def _session(file: DayFile, *columns: str) -> Iterator[tuple[int, ...]]:
    """The rows of the regular session."""
    import polars as pl

    at_ms = pl.col("at_ms")
    frame = lean.ticks(file).filter(at_ms >= sample.OPEN_MS, at_ms < sample.CLOSE_MS)
    return zip(*(frame[name] for name in columns), strict=True)


def minutes(file: DayFile) -> Iterator[Trade | Quote]:
    """The bars of a minute file as ticks; times are nanoseconds since the day's midnight. Raises NotLean."""
    equity = file.is_equity

    def nanos(text: str) -> int:
        return int(text) * lean.EQUITY_PRICE_NANOS if equity else nanos_of(text)

    for at, *fields in lean.lines(file):
        if equity and not sample.OPEN_MS <= int(at) < sample.CLOSE_MS:
            continue
        start_ns = int(at) * NS_PER_MS
        if file.kind == "quote":
            if fields[3] and fields[8]:
                bid, bid_quantity = nanos(fields[3]), nanos_of(fields[4])
                ask, ask_quantity = nanos(fields[8]), nanos_of(fields[9])
                yield Quote(file.symbol, start_ns + MINUTE_NS - 1, bid, bid_quantity, ask, ask_quantity)
        else:
            first, high, low, last = (nanos(text) for text in fields[:4])
            path = (first, low, high, last) if last >= first else (first, high, low, last)
            quarter = nanos_of(fields[4]) // 4
            if equity:
                quarter -= quarter % NANOS
            for step, price in enumerate(path):
                if quarter:
                    yield Trade(file.symbol, start_ns + step * MINUTE_NS // 4, price, quarter)
