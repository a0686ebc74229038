"""Bars of a symbol, oldest first, made from the tape. Without `start`: the last ones."""

from typing import Annotated

from pydantic import Field

from cift.contracts.market import BarView, Interval, Source
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.market_data import rules, tape
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/api/v1/market-data/bars/{symbol}", scope=None)
async def list_bars(
    symbol: str,
    page: PageRequest,
    trader: Trader | None,
    database: Database,
    interval: Interval = "1m",
    start: Annotated[str | None, Field(description="RFC 3339; bars from here on.")] = None,
    end: Annotated[str | None, Field(description="RFC 3339; trades before this.")] = None,
    source: Source = "exchange",
) -> Page[BarView]:
    name = rules.symbol_of(symbol)
    since, until = rules.time_of(start, "start"), rules.time_of(end, "end")
    rules.check_range(since, until)
    await tape.settled(trader, database)
    return await tape.page_of_bars(name, interval, since, until, source, page, database)
