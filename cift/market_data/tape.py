"""Pages of bars and trades, read from the tape.

A page of bars covers at most `limit` intervals, from the first trade at or after its start. So the number of
trades read is limited, no page is empty, and nights without trades cost nothing.
"""

from datetime import timedelta

from cift.contracts.keyset import cut, number, two_numbers
from cift.contracts.market import BarView, TradeView
from cift.contracts.paging import Page, PageRequest, make_cursor
from cift.kernel.clock import from_datetime, now_ns, to_datetime
from cift.market_data import rules, store
from cift.platform.calendars import default_of
from cift.platform.identity import Trader
from cift.platform.postgres import Connection, Database


async def wait_for_own_trades(trader: Trader | None, database: Database) -> None:
    """Wait until the tape contains the trades of an authenticated caller."""
    if trader is not None:
        await database.caught_up(trader.account_id, "project_market")


async def page_of_trades(symbol: str, source: str, page: PageRequest, database: Database) -> Page[TradeView]:
    """The tape of a symbol, newest first. Raises NotFound: `unknown_symbol`."""
    before = two_numbers(page)
    async with database.read() as c:
        rows = await store.trades(c, symbol, None if source == "all" else source, before, page.limit + 1)
        if not rows:
            await _check(c, symbol)
    return cut(rows, page.limit, rules.trade_view, lambda row: f"{row['sequence']}:{row['entry']}")


async def page_of_bars(
    symbol: str,
    interval: str,
    start_ns: int | None,
    end_ns: int | None,
    source: str,
    page: PageRequest,
    database: Database,
) -> Page[BarView]:
    """Bars of a symbol, oldest first; without `start` the last `limit` intervals before the last trade.

    Raises:
        NotFound: `unknown_symbol`.
        Refused: `invalid_range`.
    """
    seconds, sources = rules.INTERVALS[interval], rules.sources_of(source)
    start, end = (None if each is None else to_datetime(each) for each in (start_ns, end_ns))
    rules.check_range(start, end)
    until = end or to_datetime(now_ns()) + timedelta(seconds=1)
    after = number(page)
    if after is not None:
        start = to_datetime(after * 1000)
    async with database.read() as c:
        await _check(c, symbol)
        if start is None:
            last = await store.last_trade_at(c, symbol, sources, until)
            if last is None:
                return Page(items=[], next_cursor=None)
            start = rules.align(last, seconds) - timedelta(seconds=seconds * (page.limit - 1))
        first = await store.first_trade_at(c, symbol, sources, start, until)
        if first is None:
            return Page(items=[], next_cursor=None)
        close = rules.window_end(first, until, seconds, page.limit)
        # From the caller's start: a bar that begins before it contains only the trades after it.
        rows = await store.bars(c, symbol, sources, seconds, first, close)
        more = await store.first_trade_at(c, symbol, sources, close, until)
    cursor = None if more is None else make_cursor(str(from_datetime(close) // 1000))
    return Page(items=[rules.bar_view(symbol, row) for row in rows], next_cursor=cursor)


async def check_symbol(symbol: str, database: Database) -> None:
    """Raises NotFound: `unknown_symbol`."""
    async with database.read() as c:
        await _check(c, symbol)


async def calendar_of(symbol: str, database: Database) -> str:
    """The calendar of an instrument, or the default of its symbol."""
    async with database.read() as c:
        return await store.calendar_of(c, symbol) or default_of(symbol)


async def _check(c: Connection, symbol: str) -> None:
    if not await store.symbol_exists(c, symbol):
        raise rules.unknown_symbol(symbol)
