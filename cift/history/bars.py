"""Pages of bars, from the store that has the ticks.

A page covers at most `limit` intervals from the first bar at or after its start. So the rows read are
bounded, no page is empty, and nights without trades cost nothing. A bar belongs to the range in which it
begins, and is never cut.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cift.contracts.keyset import number
from cift.contracts.market import BarView
from cift.contracts.paging import Page, PageRequest, make_cursor
from cift.history import rules
from cift.history.grid import DAY_S, END_S, Grid
from cift.history.tick_store import BarRow, Bars, SourceFilter, TickStore
from cift.kernel.clock import from_datetime
from cift.kernel.errors import Refused
from cift.platform.calendars import Calendar, NoSuchDay, calendar


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
    zone: str = "UTC"
    """Of bars of whole days, and of the days of splits and dividends."""
    is_extended: bool = False
    """Whether the hours before and after the regular ones belong to a session."""

    @property
    def grid(self) -> Grid:
        return Grid(self.seconds, self.zone)


async def page_of_bars(query: BarsQuery, page: PageRequest, store: TickStore) -> Page[BarView]:
    """Bars, oldest first; without a start, the last `limit` bars that exist.

    Raises:
        Refused: `invalid_cursor`, `range_unknown` (beyond the calendar).
        Unavailable: the store does not respond.
    """
    grid, limit = query.grid, page.limit
    after = number(page)
    since = query.range.since_ns if after is None else max(after * 10**9, query.range.since_ns)
    since_s, until_s = -(-since // 10**9), min(-(-query.range.until_ns // 10**9), END_S)
    stored_s = rules.stored_interval_for(grid.part_s, by_session=query.calendar is not None)
    sources = rules.source_filter(query.source, query.feed)
    every = store.bars_of(query.symbol, stored_s, sources, None)
    if query.start_is_open and after is None:
        last = await every.edge("max", since_s, until_s)
        if last is None:
            return Page(items=[], next_cursor=None)
        until_s = min(until_s, last + stored_s)
        stored, start = await _last(query, store, stored_s, sources, since_s, until_s, limit)
        if start is None:
            return Page(items=[], next_cursor=None)
        rows = await stored.bars(grid, start, grid.whole_end(until_s), limit)
        return Page.model_construct(items=await _views(rows, query, store), next_cursor=None)
    stored = _of_sessions(query, store, stored_s, sources, since_s, until_s)
    first = await stored.edge("min", since_s, until_s)
    if first is None:
        return Page(items=[], next_cursor=None)
    begin = grid.floor(first)
    if begin < since_s:  # a bar that began before the range is not in it
        begin = grid.after(begin, 1)
    close = min(grid.after(begin, limit), until_s)
    rows = await stored.bars(grid, begin, max(grid.whole_end(close), begin), limit + 1)
    views = await _views(rows[:limit], query, store)
    more = await stored.edge("min", close, until_s) if close < until_s else None
    cursor = None if more is None else make_cursor(str(max(close, grid.floor(more))))
    return Page.model_construct(items=views, next_cursor=cursor)


async def _last(
    query: BarsQuery,
    store: TickStore,
    stored_s: int,
    sources: SourceFilter,
    since_s: int,
    until_s: int,
    limit: int,
) -> tuple[Bars, int | None]:
    """The bars to read, and the start of the last `limit` of them that exist, over weekends and gaps. The
    ranges that are searched grow, so that few rows are read where there are no gaps."""
    grid, window_s = query.grid, query.seconds * limit
    while True:
        begin = max(until_s - window_s - 1, since_s)
        begin = grid.floor(begin)
        begin = begin if begin >= since_s else grid.after(begin, 1)
        stored = _of_sessions(query, store, stored_s, sources, begin, until_s)
        starts = await stored.last_starts(grid, begin, until_s, limit)
        if len(starts) == limit or begin <= grid.after(grid.floor(since_s), 1):
            return stored, starts[-1] if starts else None
        window_s = max(window_s * 4, 7 * DAY_S)


def _of_sessions(
    query: BarsQuery, store: TickStore, stored_s: int, sources: SourceFilter, since_s: int, until_s: int
) -> Bars:
    """The bars of the query between two times. Raises Refused: `range_unknown`, beyond the calendar."""
    if query.calendar is None:
        return store.bars_of(query.symbol, stored_s, sources, None)
    days = calendar(query.calendar)
    try:
        begin_ns = max(since_s * 10**9, _begin_ns(days))
        sessions = days.sessions(begin_ns, until_s * 10**9, is_extended=query.is_extended)
    except NoSuchDay as error:
        raise Refused("range_unknown", str(error), "session") from None
    return store.bars_of(query.symbol, stored_s, sources, sessions, str(days.zone))


async def _views(rows: list[BarRow], query: BarsQuery, store: TickStore) -> list[BarView]:
    bars = [rules.bar_of(row) for row in rows]
    if query.adjusted and bars:
        bars = await _adjusted(bars, query, store)
    return [rules.bar_view(query.symbol, bar) for bar in bars]


def _begin_ns(days: Calendar) -> int:
    """The beginning of a calendar's first day, in its own zone."""
    return from_datetime(datetime.combine(days.first, datetime.min.time(), days.zone).astimezone(UTC))


async def _adjusted(bars: list[rules.Bar], query: BarsQuery, store: TickStore) -> list[rules.Bar]:
    """The bars adjusted for splits and dividends, with the factors of the first day on or after each bar's
    day. Days are those of the exchange: 19:30 in New York is the same day, though it is the next in UTC. A
    bar of whole days has the day of its middle."""
    own, seconds = ZoneInfo(query.zone), query.seconds
    factors = await store.factors(query.symbol)
    days = [day for day, _, _ in factors]
    found = []
    for bar in bars:
        middle = bar.start_s + (seconds // 2 if seconds % DAY_S == 0 else 0)
        place = bisect_left(days, datetime.fromtimestamp(middle, UTC).astimezone(own).date())
        found.append(rules.adjusted(bar, *factors[place][1:]) if place < len(factors) else bar)
    return found
