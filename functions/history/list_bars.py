"""Bars of a symbol, oldest first. Without `start`: the last ones.

With a tick store: of all feeds, in any interval. Without one: from the trades in PostgreSQL, in few
intervals."""

from typing import Annotated

from pydantic import Field

from cift.contracts import times
from cift.contracts.market import BarView, Feed, Hours, Interval, Source
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.history import requests
from cift.market_data import rules, tape
from cift.platform.clickhouse import ClickHouse
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.platform.questdb import QuestDB


@http("GET", "/api/v1/market-data/bars/{symbol}", scope=None, extras=("clickhouse",))
async def list_bars(
    symbol: str,
    page: PageRequest,
    trader: Trader | None,
    database: Database,
    clickhouse: ClickHouse,
    questdb: QuestDB,
    interval: Interval = "1m",
    start: Annotated[
        str | None, Field(description="RFC 3339; bars that begin at or after this time.")
    ] = None,
    end: Annotated[str | None, Field(description="RFC 3339; bars that begin before this time.")] = None,
    source: Source = "all",
    feed: Feed = None,
    session: Annotated[
        Hours,
        Field(
            description="regular: only the trading hours of the instrument's calendar;"
            " extended: with those before and after them."
        ),
    ] = "all",
    adjusted: Annotated[
        bool, Field(description="Adjusted for splits and dividends, if factors are known.")
    ] = False,
) -> Page[BarView]:
    name = rules.symbol_of(symbol)
    since, until = times.time_ns_of(start, "start"), times.time_ns_of(end, "end")
    store = requests.bars_store(source, feed, clickhouse, questdb)
    if store is None:
        rules.only_of_the_tape(interval, feed, session, adjusted)
        await tape.wait_for_own_trades(trader, database)
        return await tape.page_of_bars(name, interval, since, until, source, page, database)
    calendar = await tape.calendar_of(name, database)
    found = await requests.page_of_bars(
        name,
        interval,
        since,
        until,
        source=source,
        feed=feed,
        calendar=None if session == "all" else calendar,
        adjusted=adjusted,
        zone=requests.zone_of(calendar, feed),
        is_extended=session == "extended",
        page=page,
        store=store,
    )
    if not found.items:
        known = await store.sources(name)
        if not known:
            await tape.check_symbol(name, database)
        if feed is not None and feed not in known:
            raise requests.unknown_feed(name, feed)
    return found
