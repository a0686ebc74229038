"""Pages of bars, of whichever store has the ticks.

A page covers at most `limit` intervals from the first bar at or after its beginning, so that what is read is
bounded, pages never come empty, and nights without trades cost nothing. A bar is whole: it belongs to the
range in which it begins.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime

from cift.contracts.keyset import number
from cift.contracts.market import BarView
from cift.contracts.paging import Page, PageRequest, make_cursor
from cift.history import rules
from cift.history.tick_store import TickStore
from cift.kernel.errors import Refused
from cift.platform.calendars import NoSuchDay, calendar


@dataclass(frozen=True, slots=True)
class Wanted:
    """What bars a caller wants."""

    symbol: str
    seconds: int
    range: rules.Range
    """Only as far as the caller said; `since_is_open` where he gave no start."""
    since_is_open: bool
    source: str
    feed: str | None
    calendar: str | None
    """The exchange whose regular hours alone are wanted; None: all hours."""
    adjusted: bool


async def page_of_bars(wanted: Wanted, page: PageRequest, store: TickStore) -> Page[BarView]:
    """Bars oldest first; without a start the last `limit` intervals before the last trade.

    Raises:
        Refused: `invalid_cursor`, `range_unknown` (beyond the calendar).
        Unavailable: the store does not answer.
    """
    seconds, limit = wanted.seconds, page.limit
    after = number(page)
    since = wanted.range.since_ns if after is None else max(after * 10**9, wanted.range.since_ns)
    since_s, until_s = -(-since // 10**9), min(-(-wanted.range.until_ns // 10**9), 2**32 - 1)
    sessions = None
    if wanted.calendar is not None:
        days = calendar(wanted.calendar)
        try:
            sessions = days.sessions(max(since, _day_ns(days.first)), wanted.range.until_ns)
        except NoSuchDay as error:
            raise Refused("range_unknown", str(error), "session") from None
    kept_s = rules.kept_for(seconds, by_session=wanted.calendar is not None)
    kept = store.bars_of(wanted.symbol, kept_s, rules.whose(wanted.source, wanted.feed), sessions)
    if wanted.since_is_open and after is None:
        last = await kept.edge("max", since_s, until_s)
        if last is None:
            return Page(items=[], next_cursor=None)
        since_s = max(since_s, last - last % seconds - seconds * (limit - 1))
    first = await kept.edge("min", since_s, until_s)
    if first is None:
        return Page(items=[], next_cursor=None)
    begin = first - first % seconds
    if begin < since_s:  # a bar that began before the range is not in it
        begin += seconds
    close = min(begin + seconds * limit, until_s)
    rows = await kept.bars(seconds, begin, max(_whole_end(close, seconds), begin), limit + 1)
    bars = [rules.bar_of(row) for row in rows][:limit]
    if wanted.adjusted and bars:
        bars = await _adjusted(bars, wanted.symbol, store)
    more = await kept.edge("min", close, until_s) if close < until_s else None
    cursor = None if more is None else make_cursor(str(max(close, more - more % seconds)))
    return Page.model_construct(
        items=[rules.bar_view(wanted.symbol, bar) for bar in bars], next_cursor=cursor
    )


def _whole_end(close_s: int, seconds: int) -> int:
    """The end of the bar that begins before `close_s`: a bar is whole."""
    return min(-(-close_s // seconds) * seconds, 2**32 - 1)


def _day_ns(day: object) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * 10**9  # type: ignore[arg-type]


async def _adjusted(bars: list[rules.Bar], symbol: str, store: TickStore) -> list[rules.Bar]:
    """The bars in today's shares: by the factors of the first day on or after each bar's."""
    factors = await store.factors(symbol)
    days = [day for day, _, _ in factors]
    found = []
    for bar in bars:
        place = bisect_left(days, datetime.fromtimestamp(bar.start_s, UTC).date())
        found.append(rules.adjusted(bar, *factors[place][1:]) if place < len(factors) else bar)
    return found
