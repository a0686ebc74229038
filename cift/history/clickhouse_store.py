"""The tick store ClickHouse (`tick_store.TickStore`). Views add to the stored bars as ticks arrive.

Every query uses FINAL, so that a tick that was inserted twice counts once."""

from collections.abc import Sequence
from typing import Any, Literal

from cift.history.archive import EPOCH
from cift.history.grid import Grid
from cift.history.tick_store import BarRow, Factor, Kind, SourceFilter, TextForm, TickPage
from cift.platform.calendars import Session
from cift.platform.clickhouse import ClickHouse

# Session hours by the exchange's own day, without its lunch break.
_DAY = "toUInt32(toDate(start, {zone:String}))"
_NEVER = "toUInt32(4294967295)"
_IN_SESSION = f"""
 AND toUnixTimestamp(start) >= transform({_DAY}, {{days:Array(UInt32)}}, {{opens:Array(UInt32)}}, {_NEVER})
 AND toUnixTimestamp(start) < transform({_DAY}, {{days:Array(UInt32)}}, {{closes:Array(UInt32)}}, toUInt32(0))
 AND NOT (
    toUnixTimestamp(start) >= transform({_DAY}, {{days:Array(UInt32)}}, {{breaks:Array(UInt32)}}, {_NEVER})
    AND toUnixTimestamp(start) < transform({_DAY}, {{days:Array(UInt32)}}, {{resumes:Array(UInt32)}},
        toUInt32(0)))
"""
# The number of a bar, counted from 1970-01-01.
_OF_SECONDS = "intDiv(toUnixTimestamp(start), {length:UInt32})"
_OF_DAYS = "intDiv(toUInt32(toDate(start, {grid_zone:String})), {length:UInt32})"
_BARS = """
SELECT NUMBER AS number,
    argMin(open, first), max(high), min(low), argMax(close, last),
    sum(volume), sum(notional), sum(trades), arraySort(groupUniqArray(source))
FROM bars_analytics FINAL
WHERE symbol = {symbol:String} AND SOURCES AND interval_s = {stored:UInt32}
    AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC') SESSION
GROUP BY number ORDER BY number LIMIT {limit:UInt32}
"""
_LAST = """
SELECT NUMBER AS number FROM bars_analytics
WHERE symbol = {symbol:String} AND SOURCES AND interval_s = {stored:UInt32}
    AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC') SESSION
GROUP BY number ORDER BY number DESC LIMIT {limit:UInt32}
"""
_EDGE = """
SELECT toUnixTimestamp(FUNCTION(start)), count() FROM bars_analytics
WHERE symbol = {symbol:String} AND SOURCES AND interval_s = {stored:UInt32}
    AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC') SESSION
"""


def sources_sql(sources: SourceFilter) -> tuple[str, dict[str, Any]]:
    """The condition on `source`, and its parameters."""
    if sources.names:
        return "source IN {sources:Array(String)}", {"sources": list(sources.names)}
    if sources.name is None:
        return "1", {}
    operator = "!=" if sources.exclude else "="
    return f"source {operator} {{source:String}}", {"source": sources.name}


class _StoredBars:
    """The stored bars of one symbol, of the requested sources and sessions."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        symbol: str,
        stored_s: int,
        sources: SourceFilter,
        sessions: Sequence[Session] | None,
        zone: str,
    ) -> None:
        self._clickhouse = clickhouse
        self._sources, parameters = sources_sql(sources)
        self._parameters: dict[str, Any] = {"symbol": symbol, "stored": stored_s, **parameters}
        self._session = ""
        if sessions is not None:
            self._session = _IN_SESSION
            breaks = [each.break_ns or (2**32 * 10**9 - 10**9, 0) for each in sessions]
            self._parameters |= {
                "zone": zone,
                "days": [(each.day - EPOCH).days for each in sessions],
                "opens": [each.opens_ns // 10**9 for each in sessions],
                "closes": [each.closes_ns // 10**9 for each in sessions],
                "breaks": [begin // 10**9 for begin, _ in breaks],
                "resumes": [end // 10**9 for _, end in breaks],
            }

    async def _rows(
        self, sql: str, values: dict[str, Any], since_s: int, until_s: int, **more: Any
    ) -> list[tuple[Any, ...]]:
        filled = sql.replace("SOURCES", self._sources).replace("SESSION", self._session)
        return await self._clickhouse.rows(
            filled, {**self._parameters, **values, "since": since_s, "until": until_s, **more}
        )

    async def edge(self, function: Literal["min", "max"], since_s: int, until_s: int) -> int | None:
        ((found, count),) = await self._rows(_EDGE.replace("FUNCTION", function), {}, since_s, until_s)
        return int(found) if count else None

    async def last_starts(self, grid: Grid, since_s: int, until_s: int, count: int) -> list[int]:
        rows = await self._rows(*_numbered(_LAST, grid), since_s, until_s, limit=count)
        return [grid.start_of(int(row[0])) for row in rows]

    async def bars(self, grid: Grid, since_s: int, until_s: int, limit: int) -> list[BarRow]:
        rows = await self._rows(*_numbered(_BARS, grid), since_s, until_s, limit=limit)
        return [
            (grid.start_of(int(number)), *middle, int(trades), tuple(sources))
            for number, *middle, trades, sources in rows
        ]


def _numbered(sql: str, grid: Grid) -> tuple[str, dict[str, Any]]:
    """A query of bars of this grid, and its parameters."""
    if grid.days is None:
        return sql.replace("NUMBER", _OF_SECONDS), {"length": grid.seconds}
    return sql.replace("NUMBER", _OF_DAYS), {"length": grid.days, "grid_zone": grid.zone}


class ClickHouseStore:
    """See the module's header."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def bars_of(
        self,
        symbol: str,
        stored_s: int,
        sources: SourceFilter,
        sessions: Sequence[Session] | None,
        zone: str = "UTC",
    ) -> _StoredBars:
        return _StoredBars(self._clickhouse, symbol, stored_s, sources, sessions, zone)

    async def sources(self, symbol: str) -> list[str]:
        rows = await self._clickhouse.rows(
            "SELECT DISTINCT source FROM bars_analytics WHERE symbol = {symbol:String} AND interval_s = 86400"
            " UNION DISTINCT SELECT DISTINCT source FROM quotes_analytics WHERE symbol = {symbol:String}"
            " ORDER BY source",
            {"symbol": symbol},
        )
        return [row[0] for row in rows]

    async def factors(self, symbol: str) -> list[Factor]:
        rows = await self._clickhouse.rows(
            "SELECT day, price_factor, split_factor FROM price_factors FINAL WHERE symbol = {symbol:String}"
            " AND price_factor > 0 ORDER BY day",
            {"symbol": symbol},
        )
        return [(day, price, split) for day, price, split in rows]

    async def text(self, page: TickPage, form: TextForm) -> bytes:
        sql = _page_sql(page.kind, as_text=True, names_source=form != "JSONEachRow")
        return await self._clickhouse.text(sql, form, _parameters(page))

    async def table(self, page: TickPage) -> Any:
        return await self._clickhouse.table(_page_sql(page.kind, as_text=False), _parameters(page))


_TICKS: dict[Kind, tuple[str, str]] = {
    "trades": (
        "ticks_analytics",
        "price, quantity, multiIf(side > 0, 'buy', side < 0, 'sell', NULL) AS aggressor, conditions",
    ),
    "quotes": ("quotes_analytics", "bid, bid_quantity, ask, ask_quantity"),
}
_AT_TEXT = "formatDateTime(at, '%FT%T.%fZ') AS at"


_PRESENT: dict[Kind, str] = {"trades": "quantity > 0", "quotes": "bid_quantity >= 0"}
"""Leaves out removed ticks (`replace.REMOVED`)."""


def _page_sql(kind: Kind, *, as_text: bool, names_source: bool = True) -> str:
    table, columns = _TICKS[kind]
    at = _AT_TEXT if as_text else "at"
    origin = "" if as_text and not names_source else ", symbol, source"
    return (
        f"SELECT {at}, sequence, {columns}{origin} FROM (SELECT * FROM {table} FINAL"
        " WHERE symbol = {symbol:String} AND source = {source:String}"
        " AND at >= fromUnixTimestamp64Nano({since:Int64}) AND at < fromUnixTimestamp64Nano({until:Int64})"
        " AND (at, sequence) > (fromUnixTimestamp64Nano({since:Int64}), {after:UInt64})"
        f" AND {_PRESENT[kind]}"
        " ORDER BY symbol, source, at, sequence LIMIT {limit:UInt32})"
    )


def _parameters(page: TickPage) -> dict[str, Any]:
    return {
        "symbol": page.symbol,
        "source": page.source,
        "since": page.since_ns,
        "until": page.until_ns,
        "after": page.after,
        "limit": page.limit,
    }
