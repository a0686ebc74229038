"""Intervals, ranges and sources of requests, and views of bars. Pure."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from cift.contracts.amounts import required_text
from cift.contracts.market import FEED_PATTERN, BarView
from cift.history.tick_store import BarRow, SourceFilter
from cift.kernel.clock import rfc3339
from cift.kernel.errors import Refused

STORED_INTERVALS_S = (86_400, 3_600, 60, 1)
"""The intervals of bars_analytics, longest first."""
INTERVAL_MAX_S = 366 * 86_400
BARS_RANGE_MAX_S = 30 * 366 * 86_400
HISTORY_RANGE_MAX_S = BARS_RANGE_MAX_S
"""An export is streamed page by page, so its length costs no memory."""
EXCHANGE = "exchange"
LIVE = (EXCHANGE, "replay", "alpaca", "massive")
"""The sources of `all`: the exchange and the live markets. Feeds of loaded files are requested by name,
because several of them may have the same trades."""
_INTERVAL = re.compile(r"(\d{1,6})(s|m|h|d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FEED = re.compile(FEED_PATTERN, re.ASCII)
_NANO = Decimal("0.000000001")
_WIDE = Context(prec=60, rounding=ROUND_HALF_UP)


def seconds_of(interval: str) -> int:
    """The seconds of `90s`, `5m`, `2h`, `1d`. Raises Refused: `invalid_interval`."""
    found = _INTERVAL.fullmatch(interval)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 1 <= seconds <= INTERVAL_MAX_S:
        raise Refused(
            "invalid_interval",
            "interval must be a number and s, m, h or d, such as 1s, 5m, 90m or 1d; at most 366d",
            "interval",
        )
    return seconds


def stored_interval_for(seconds: int, *, by_session: bool) -> int:
    """The longest stored interval that bars of `seconds` can be made of. With sessions it is at most a
    minute: they begin and end at whole minutes, not at whole hours."""
    return next(
        stored for stored in STORED_INTERVALS_S if seconds % stored == 0 and not (by_session and stored > 60)
    )


@dataclass(frozen=True, slots=True)
class Range:
    """[since, until) in ns."""

    since_ns: int
    until_ns: int


def range_of(
    start_ns: int | None, end_ns: int | None, now_ns: int, *, max_s: int, default_s: int | None = None
) -> Range:
    """The range of a request; without a start it is `default_s` long (or `max_s`).

    Raises:
        Refused: `invalid_range` (empty), `future_range` (begins after now), `range_too_large`.
    """
    until = now_ns + 1 if end_ns is None else end_ns
    since = until - (default_s or max_s) * 10**9 if start_ns is None else start_ns
    since = max(since, 0)
    if start_ns is not None and start_ns > now_ns:
        raise Refused("future_range", f"start {rfc3339(start_ns)} is in the future", "start")
    if since >= until:
        raise Refused("invalid_range", "start must be before end", "start")
    if until - since > max_s * 10**9:
        raise Refused(
            "range_too_large", f"A range has at most {max_s // 86_400} days; request parts of it", "end"
        )
    return Range(since, until)


def source_filter(source: str, feed: str | None) -> SourceFilter:
    """The sources of a request: one feed, the exchange itself, all feeds (`outside`), or all.

    Raises:
        Refused: `feed` cannot be the name of a feed.
    """
    if feed is not None:
        if _FEED.fullmatch(feed) is None:
            raise Refused(
                "invalid_request", f"feed {feed[:32]!r} must have 1 to 32 characters of a-z 0-9 - _", "feed"
            )
        return SourceFilter(feed)
    if source == "all":
        return SourceFilter(None, names=LIVE)
    return SourceFilter(EXCHANGE, exclude=source != EXCHANGE)


def vwap(notional: Decimal, volume: Decimal) -> Decimal:
    """Volume-weighted average price: `notional` (sum of price x quantity) / `volume`, rounded half up to
    nine decimals."""
    return _WIDE.divide(notional, volume).quantize(_NANO, context=_WIDE)


@dataclass(frozen=True, slots=True)
class Bar:
    """Trades of one interval; `start_s` is in seconds since the Unix epoch."""

    start_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    trades: int
    sources: tuple[str, ...]
    """Whose trades, sorted."""


def bar_of(row: BarRow) -> Bar:
    start, first, high, low, last, volume, notional, trades, sources = row
    return Bar(start, first, high, low, last, volume, vwap(notional, volume), trades, sources)


def bar_view(symbol: str, bar: Bar) -> BarView:
    """A bar as an HTTP response has it."""
    return BarView.model_construct(
        symbol=symbol,
        start=rfc3339(bar.start_s * 10**9),
        open=required_text(bar.open),
        high=required_text(bar.high),
        low=required_text(bar.low),
        close=required_text(bar.close),
        volume=required_text(bar.volume),
        vwap=required_text(bar.vwap),
        trades=bar.trades,
        sources=list(bar.sources),
    )


def adjusted(bar: Bar, price_factor: Decimal, split_factor: Decimal) -> Bar:
    """The bar adjusted for splits and, if the price factor includes them, dividends."""
    factor = _WIDE.multiply(price_factor, split_factor)

    def price(value: Decimal) -> Decimal:
        return _WIDE.multiply(value, factor).quantize(_NANO, context=_WIDE)

    volume = _WIDE.divide(bar.volume, split_factor).quantize(_NANO, context=_WIDE)
    return Bar(
        bar.start_s,
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        volume,
        price(bar.vwap),
        bar.trades,
        bar.sources,
    )
