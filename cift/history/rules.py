"""Intervals, ranges and formats as callers give them, and views of bars. Pure."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from cift.contracts.amounts import required_text
from cift.contracts.market import BarView
from cift.history.tick_store import BarRow, Whose
from cift.kernel.clock import rfc3339
from cift.kernel.errors import Refused

KEPT_S = (86_400, 3_600, 60, 1)
"""Intervals of bars_analytics, longest first."""
INTERVAL_MAX_S = 366 * 86_400
BARS_RANGE_MAX_S = 30 * 366 * 86_400
HISTORY_RANGE_MAX_S = 31 * 86_400
EXCHANGE = "exchange"
_INTERVAL = re.compile(r"(\d{1,6})(s|m|h|d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FEED = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)
_NANO = Decimal("0.000000001")
_WIDE = Context(prec=60, rounding=ROUND_HALF_UP)


def seconds_of(interval: str) -> int:
    """The seconds of `90s`, `5m`, `2h`, `1d`. Raises Refused: `invalid_interval`."""
    found = _INTERVAL.fullmatch(interval)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 1 <= seconds <= INTERVAL_MAX_S:
        raise Refused(
            "invalid_interval", "interval is a number and s, m, h or d, such as 1s, 5m, 90m or 1d", "interval"
        )
    return seconds


def kept_for(seconds: int, *, by_session: bool) -> int:
    """The kept interval that bars of so many seconds are made of. Sessions begin and end at whole minutes,
    not at whole hours."""
    return next(kept for kept in KEPT_S if seconds % kept == 0 and not (by_session and kept > 60))


@dataclass(frozen=True, slots=True)
class Range:
    """[since, until) in ns."""

    since_ns: int
    until_ns: int


def range_of(
    start_ns: int | None, end_ns: int | None, now_ns: int, *, max_s: int, usual_s: int | None = None
) -> Range:
    """The range that a caller means; without a start it is `usual_s` long (or `max_s`).

    Raises:
        Refused: `invalid_range` (empty), `future_range` (begins after now), `range_too_large`.
    """
    until = now_ns + 1 if end_ns is None else end_ns
    since = until - (usual_s or max_s) * 10**9 if start_ns is None else start_ns
    since = max(since, 0)
    if start_ns is not None and start_ns > now_ns:
        raise Refused("future_range", "start lies in the future", "start")
    if since >= until:
        raise Refused("invalid_range", "start must be before end", "start")
    if until - since > max_s * 10**9:
        raise Refused("range_too_large", f"A range has at most {max_s // 86_400} days; ask for parts", "end")
    return Range(since, until)


def whose(source: str, feed: str | None) -> Whose:
    """The sources that a caller's words mean: trades made here, those of one feed, of all feeds, or all.

    Raises:
        Refused: not a feed's name.
    """
    if feed is not None:
        if _FEED.fullmatch(feed) is None:
            raise Refused("invalid_request", "feed is 1 to 32 of a-z 0-9 - _", "feed")
        return Whose(feed)
    return Whose(None) if source == "all" else Whose(EXCHANGE, but=source != EXCHANGE)


def vwap(notional: Decimal, volume: Decimal) -> Decimal:
    """Sum of price x quantity over sum of quantity, to nine decimals, halves up."""
    return _WIDE.divide(notional, volume).quantize(_NANO, context=_WIDE)


@dataclass(frozen=True, slots=True)
class Bar:
    """Trades of one interval; `start_s` seconds since the Unix epoch."""

    start_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    trades: int


def bar_of(row: BarRow) -> Bar:
    start, first, high, low, last, volume, notional, trades = row
    return Bar(start, first, high, low, last, volume, vwap(notional, volume), trades)


def bar_view(symbol: str, bar: Bar) -> BarView:
    """A bar as HTTP says it."""
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
    )


def adjusted(bar: Bar, price_factor: Decimal, split_factor: Decimal) -> Bar:
    """The bar in today's shares and, where the factor has dividends in it, today's money."""
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
    )
