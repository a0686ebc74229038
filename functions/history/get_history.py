"""Ticks of a symbol, oldest first, as a stream of JSON, CSV or Parquet."""

from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import StreamingResponse

from cift.contracts import times
from cift.contracts.market import DaySpanEnd, DaySpanStart, Feed
from cift.function import http
from cift.history import requests, tick_export
from cift.market_data import rules, tape
from cift.platform.clickhouse import ClickHouse
from cift.platform.postgres import Database
from cift.platform.questdb import QuestDB


@http("GET", "/api/v1/market-data/history/{symbol}", scope=None, timeout_s=3600.0, extras=("clickhouse",))
async def get_history(
    symbol: str,
    database: Database,
    clickhouse: ClickHouse,
    questdb: QuestDB,
    kind: Literal["trades", "quotes"] = "trades",
    format: Literal["json", "csv", "parquet"] = "json",
    start: DaySpanStart = None,
    end: DaySpanEnd = None,
    feed: Feed = None,
    limit: Annotated[int | None, Field(ge=1, description="Maximum number of ticks; default: all.")] = None,
) -> StreamingResponse:
    name = rules.symbol_of(symbol)
    span = requests.history_range(times.time_ns_of(start, "start"), times.time_ns_of(end, "end"))
    source, store = await requests.ticks_source(name, feed, clickhouse, questdb)
    if source is None and not (feed and await store.sources(name)):
        await tape.check_symbol(name, database)
    if source is None and feed is not None:
        raise requests.unknown_feed(name, feed)
    export = tick_export.Export(name, source or "exchange", kind, span, limit)
    body = await requests.started(tick_export.pages(export, format, store))
    headers = {"Content-Disposition": f'attachment; filename="{requests.filename(export, format)}"'}
    return StreamingResponse(body, media_type=tick_export.MEDIA_TYPES[format], headers=headers)
