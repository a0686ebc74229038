"""Pages of bars, from the store that has the ticks.

A page covers at most `limit` intervals from the first bar at or after its start. So the rows read are
bounded, no page is empty, and nights without trades cost nothing. A bar belongs to the range in which it
begins, and is never cut.
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
class BarsQuery:
    """The bars of a request."""

    symbol: str
    seconds: int
    range: rules.Range
    start_is_open: bool
    """The request has no start: the last bars of the range are returned."""
    source: str
    feed: str | None
    calendar: str | None
    """Only trades in this calendar's regular hours; None: all hours."""
    adjusted: bool


async def page_of_bars(query: BarsQuery, page: PageRequest, store: TickStore) -> Page[BarView]:
    """Bars, oldest first; without a start, the last `limit` intervals up to the last trade.

    Raises:
        Refused: `invalid_cursor`, `range_unknown` (beyond the calendar).
        Unavailable: the store does not respond.
    """
    seconds, limit = query.seconds, page.limit
    after = number(page)
    since = query.range.since_ns if after is None else max(after * 10**9, query.range.since_ns)
    since_s, until_s = -(-since // 10**9), min(-(-query.range.until_ns // 10**9), 2**32 - 1)
    sessions = None
    if query.calendar is not None:
        days = calendar(query.calendar)
        try:
            sessions = days.sessions(max(since, _day_ns(days.first)), query.range.until_ns)
        except NoSuchDay as error:
            raise Refused("range_unknown", str(error), "session") from None
    stored_s = rules.stored_interval_for(seconds, by_session=query.calendar is not None)
    sources = rules.source_filter(query.source, query.feed)
    stored = store.bars_of(query.symbol, stored_s, sources, sessions)
    if query.start_is_open and after is None:
        last = await stored.edge("max", since_s, until_s)
        if last is None:
            return Page(items=[], next_cursor=None)
        since_s = max(since_s, last - last % seconds - seconds * (limit - 1))
    first = await stored.edge("min", since_s, until_s)
    if first is None:
        return Page(items=[], next_cursor=None)
    begin = first - first % seconds
    if begin < since_s:  # a bar that began before the range is not in it
        begin += seconds
    close = min(begin + seconds * limit, until_s)
    rows = await stored.bars(seconds, begin, max(_whole_end(close, seconds), begin), limit + 1)
    bars = [rules.bar_of(row) for row in rows][:limit]
    if query.adjusted and bars:
        bars = await _adjusted(bars, query.symbol, store)
    more = await stored.edge("min", close, until_s) if close < until_s else None
    cursor = None if more is None else make_cursor(str(max(close, more - more % seconds)))
    return Page.model_construct(items=[rules.bar_view(query.symbol, bar) for bar in bars], next_cursor=cursor)


def _whole_end(close_s: int, seconds: int) -> int:
    """The end of the bar that begins before `close_s`."""
    return min(-(-close_s // seconds) * seconds, 2**32 - 1)


def _day_ns(day: object) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * 10**9  # type: ignore[arg-type]


async def _adjusted(bars: list[rules.Bar], symbol: str, store: TickStore) -> list[rules.Bar]:
    """The bars adjusted for splits and dividends, with the factors of the first day on or after each
    bar's day."""
    factors = await store.factors(symbol)
    days = [day for day, _, _ in factors]
    found = []
    for bar in bars:
        place = bisect_left(days, datetime.fromtimestamp(bar.start_s, UTC).date())
        found.append(rules.adjusted(bar, *factors[place][1:]) if place < len(factors) else bar)
    return found
