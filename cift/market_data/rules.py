"""Symbols, ranges and intervals of requests, and views of quotes, books, trades and bars. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cift.contracts.amounts import required_text
from cift.contracts.market import BarView, BookView, LevelView, QuoteView, TradeView
from cift.contracts.orders import SYMBOL_PATTERN
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.errors import NotFound, Refused
from cift.kernel.money import parse_nanos

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

QUOTES_MAX = 100
DEPTH_MAX = 100
NAMED_MAX = 32
"""Characters of an unknown symbol that a response repeats."""
INTERVALS = {"1s": 1, "5s": 5, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86_400}
_SYMBOL = re.compile(SYMBOL_PATTERN, re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Any


def unknown_symbol(text: str, field: str = "symbol") -> NotFound:
    """The error of a symbol that is not traded here."""
    return NotFound("unknown_symbol", f"There is no instrument '{text[:NAMED_MAX]}'", field)


def is_symbol(text: str) -> bool:
    """Whether an instrument can have this name."""
    return _SYMBOL.fullmatch(text) is not None


def symbol_of(text: str) -> str:
    """The symbol in upper case. Raises NotFound if no instrument can have this name."""
    if not is_symbol(text):
        raise unknown_symbol(text)
    return text.upper()


def symbols_of(text: str) -> list[str]:
    """Symbols separated by commas, in upper case, each once, in the order given. Not checked: `is_symbol`.

    Raises:
        Refused: none, or more than QUOTES_MAX.
    """
    symbols = list(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if not 1 <= len(symbols) <= QUOTES_MAX:
        raise Refused("invalid_request", f"Give 1 to {QUOTES_MAX} symbols, separated by commas", "symbols")
    return symbols


def sources_of(source: str) -> list[str]:
    """The sources of the tape for `exchange`, `outside` or `all`."""
    return ["exchange", "outside"] if source == "all" else [source]


def step_of(text: str) -> int:
    """The height of a band of prices, in nanos. Raises Refused: no decimal above 0."""
    step = parse_nanos(text, "step")
    if step == 0:
        raise Refused("invalid_number", "step must be above 0", "step")
    return step


def only_of_the_tape(interval: str, feed: str | None, session: str, adjusted: bool) -> None:
    """Raises Refused where the tape alone cannot provide the requested bars."""
    if interval not in INTERVALS:
        raise Refused(
            "invalid_interval",
            f"Without an analytics store interval is one of {', '.join(INTERVALS)}",
            "interval",
        )
    if feed is not None or session != "all" or adjusted:
        raise Refused(
            "analytics_off",
            "Feeds, sessions and adjusted prices need an analytics store (CIFT_CLICKHOUSE_URL)",
            "feed" if feed is not None else "session" if session != "all" else "adjusted",
        )


def align(moment: datetime, seconds: int) -> datetime:
    """The start of the interval that contains `moment`."""
    whole = (moment - _EPOCH) // timedelta(seconds=seconds)
    return _EPOCH + whole * timedelta(seconds=seconds)


def check_range(start: datetime | None, end: datetime | None) -> None:
    """Raises Refused where the range is empty."""
    if start is not None and end is not None and start >= end:
        raise Refused("invalid_range", "start must be before end", "start")


def window_end(first: datetime, end: datetime, seconds: int, limit: int) -> datetime:
    """The end of a page of at most `limit` bars that begins with `first`. It limits how many trades are
    read."""
    return min(align(first, seconds) + timedelta(seconds=seconds * limit), end)


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else rfc3339(nanoseconds)


def quote_view(quote: messages.Quote, answer: messages.QuoteAnswer) -> QuoteView:
    """The view of a quote in the engine's answer."""
    return QuoteView.model_construct(
        symbol=quote["symbol"],
        bid=quote["bid"],
        bid_quantity=quote["bid_quantity"],
        ask=quote["ask"],
        ask_quantity=quote["ask_quantity"],
        last=quote["last"],
        last_quantity=quote["last_quantity"],
        last_at=_time(quote["last_at"]),
        halted=quote["halted"],
        sequence=answer["sequence"],
        at=_time(answer["at"]),
    )


def book_view(answer: messages.BookAnswer) -> BookView:
    """The view of the engine's answer to a book query."""
    return BookView.model_construct(
        symbol=answer["symbol"],
        bids=[_level(level) for level in answer["bids"]],
        asks=[_level(level) for level in answer["asks"]],
        sequence=answer["sequence"],
        checksum=answer["checksum"],
    )


def _level(level: tuple[str, str, int]) -> LevelView:
    price, quantity, orders = level
    return LevelView.model_construct(price=price, quantity=quantity, orders=orders)


def trade_view(row: Row) -> TradeView:
    """A print of the tape."""
    return TradeView.model_construct(
        id=f"{row['sequence']}:{row['entry']}",
        symbol=row["symbol"],
        source=row["source"],
        price=required_text(row["price"]),
        quantity=required_text(row["quantity"]),
        aggressor=row["aggressor"],
        trade_id=row["trade_id"],
        executed_at=rfc3339(from_datetime(row["executed_at"])),
    )


def bar_view(symbol: str, row: Row) -> BarView:
    """A bar."""
    return BarView.model_construct(
        symbol=symbol,
        start=rfc3339(from_datetime(row["start"])),
        open=required_text(row["open"]),
        high=required_text(row["high"]),
        low=required_text(row["low"]),
        close=required_text(row["close"]),
        volume=required_text(row["volume"]),
        vwap=required_text(row["vwap"]),
        trades=row["trades"],
        sources=row["sources"],
    )
