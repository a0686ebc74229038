"""Requests for `history` and `bars`: defaults, ranges, and the store that has the ticks."""

import re
from collections.abc import AsyncIterator

from cift.contracts.market import BarView
from cift.contracts.paging import Page, PageRequest
from cift.history import bars, rules, tick_export
from cift.history.clickhouse_store import ClickHouseStore
from cift.history.questdb_store import QuestDBStore
from cift.history.tick_store import TickStore
from cift.kernel.clock import now_ns, to_datetime
from cift.kernel.errors import NotFound
from cift.platform import calendars
from cift.platform.clickhouse import ClickHouse
from cift.platform.questdb import QuestDB

DAY_S = 86_400
_OF_DAYS = re.compile(r"-\d+d$", re.ASCII)


def history_range(start_ns: int | None, end_ns: int | None) -> rules.Range:
    """The range of `history`; without a start, the day before its end. Raises Refused."""
    return rules.range_of(start_ns, end_ns, now_ns(), max_s=rules.HISTORY_RANGE_MAX_S, default_s=DAY_S)


def bars_store(source: str, feed: str | None, clickhouse: ClickHouse, questdb: QuestDB) -> TickStore | None:
    """The store that has the trades of these sources: QuestDB for outside feeds if it is configured, else
    ClickHouse, which has all; None if the store is not configured."""
    outside = source == "outside" if feed is None else feed != rules.EXCHANGE
    if questdb.is_on and outside:
        return QuestDBStore(questdb)
    return ClickHouseStore(clickhouse) if clickhouse.is_on else None


def factors_store(clickhouse: ClickHouse, questdb: QuestDB) -> TickStore | None:
    """A store with the factors of splits and dividends; None if no store is configured."""
    if clickhouse.is_on:
        return ClickHouseStore(clickhouse)
    return QuestDBStore(questdb) if questdb.is_on else None


async def ticks_source(
    symbol: str, feed: str | None, clickhouse: ClickHouse, questdb: QuestDB
) -> tuple[str | None, TickStore]:
    """The source whose ticks are exported, and the store that has them.

    The source is `feed` if it is given, else the exchange if it has ticks of this symbol, else the first
    feed that has some; None if there are no such ticks. Raises Unavailable.
    """
    if not questdb.is_on or (clickhouse.is_on and feed in (None, rules.EXCHANGE)):
        own: TickStore = ClickHouseStore(clickhouse)
        known = await own.sources(symbol)
        source = feed if feed in known else None
        if feed is None:
            source = rules.EXCHANGE if rules.EXCHANGE in known else next(iter(known), None)
        if source == rules.EXCHANGE or not questdb.is_on:
            return source, own
    store = QuestDBStore(questdb)
    known = await store.sources(symbol)
    return (next(iter(known), None) if feed is None else feed if feed in known else None), store


def unknown_feed(symbol: str, feed: str) -> NotFound:
    """The error of a feed without ticks of a symbol."""
    return NotFound("unknown_feed", f"The feed {feed[:32]} has no ticks of {symbol}", "feed")


def zone_of(name: str, feed: str | None = None) -> str:
    """The zone of the days of bars: that of the calendar. Loaded bars of days, whose feed has their interval
    in its name, are days of UTC, because files have their dates without a zone."""
    return "UTC" if feed is not None and _OF_DAYS.search(feed) else str(calendars.calendar(name).zone)


async def started(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces. The first one is read now, so that its errors still become an HTTP status."""
    first = await anext(pieces, b"")

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_them()


def filename(export: tick_export.Export, form: tick_export.Form) -> str:
    """The file name of the response."""
    begin = to_datetime(export.range.since_ns)
    symbol = export.symbol.replace("/", "-")
    return f"{symbol}_{export.kind}_{begin:%Y%m%dT%H%M%S}.{form}"


async def page_of_bars(
    symbol: str,
    interval: str,
    start_ns: int | None,
    end_ns: int | None,
    *,
    source: str,
    feed: str | None,
    calendar: str | None,
    adjusted: bool,
    page: PageRequest,
    store: TickStore,
    zone: str = "UTC",
    is_extended: bool = False,
) -> Page[BarView]:
    """A page of bars. Raises Refused, Unavailable."""
    span = rules.range_of(start_ns, end_ns, now_ns(), max_s=rules.BARS_RANGE_MAX_S)
    query = bars.BarsQuery(
        symbol,
        rules.seconds_of(interval),
        span,
        start_ns is None,
        source,
        feed,
        calendar,
        adjusted,
        zone,
        is_extended,
    )
    return await bars.page_of_bars(query, page, store)
