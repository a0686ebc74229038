"""What a caller of `history` and `bars` asked for, made definite."""

from collections.abc import AsyncIterator

from cift.contracts.market import BarView
from cift.contracts.paging import Page, PageRequest
from cift.history import bars, rules, tick_export
from cift.history.clickhouse_store import ClickHouseStore
from cift.history.questdb_store import QuestDBStore
from cift.history.tick_store import TickStore
from cift.kernel.clock import now_ns, to_datetime
from cift.platform.clickhouse import ClickHouse
from cift.platform.questdb import QuestDB

DAY_S = 86_400


def history_range(start_ns: int | None, end_ns: int | None) -> rules.Range:
    """The range of `history`; without a start the day before its end. Raises Refused."""
    return rules.range_of(start_ns, end_ns, now_ns(), max_s=rules.HISTORY_RANGE_MAX_S, usual_s=DAY_S)


def store_of_bars(
    source: str, feed: str | None, clickhouse: ClickHouse, questdb: QuestDB
) -> TickStore | None:
    """Who has the trades of these sources: QuestDB, where it is, those of outside feeds; ClickHouse all; None
    where neither is asked."""
    outside = source == "outside" if feed is None else feed != rules.EXCHANGE
    if questdb.is_on and outside:
        return QuestDBStore(questdb)
    return ClickHouseStore(clickhouse) if clickhouse.is_on else None


async def source_of(
    symbol: str, feed: str | None, clickhouse: ClickHouse, questdb: QuestDB
) -> tuple[str | None, TickStore]:
    """Whose ticks, and who has them: the feed's that is named, else the exchange's own if it has any of this
    symbol, else those of the first feed that has; None where nobody has. Raises Unavailable."""
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


async def begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, of which the first is there already: what goes wrong with it is still told by status."""
    first = await anext(pieces, b"")

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_them()


def filename(wanted: tick_export.Wanted, form: tick_export.Form) -> str:
    """What the answer is called when it is saved."""
    begin = to_datetime(wanted.range.since_ns)
    symbol = wanted.symbol.replace("/", "-")
    return f"{symbol}_{wanted.kind}_{begin:%Y%m%dT%H%M%S}.{form}"


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
) -> Page[BarView]:
    """A page of bars. Raises Refused, Unavailable."""
    span = rules.range_of(start_ns, end_ns, now_ns(), max_s=rules.BARS_RANGE_MAX_S)
    wanted = bars.Wanted(
        symbol, rules.seconds_of(interval), span, start_ns is None, source, feed, calendar, adjusted
    )
    return await bars.page_of_bars(wanted, page, store)
