"""SQL of the tick stores' reads (ClickHouse). Every read says FINAL: what came twice is one row."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from cift.history.rules import Range
from cift.platform.calendars import Session
from cift.platform.clickhouse import ClickHouse

Row = tuple[Any, ...]

# Session's hours by UTC day: no session of New York's crosses midnight in UTC.
_IN_SESSION = """
 AND toUnixTimestamp(start) >= transform(toUInt32(toDate(start)), {days:Array(UInt32)}, {opens:Array(UInt32)},
     toUInt32(4294967295))
 AND toUnixTimestamp(start) < transform(toUInt32(toDate(start)), {days:Array(UInt32)}, {closes:Array(UInt32)},
     toUInt32(0))
"""
_BARS = """
SELECT intDiv(toUnixTimestamp(start), {seconds:UInt32}) * {seconds:UInt32} AS begins,
    argMin(open, first), max(high), min(low), argMax(close, last),
    sum(volume), sum(notional), sum(trades)
FROM bars_analytics FINAL
WHERE symbol = {symbol:String} AND SOURCES AND interval_s = {kept:UInt32}
    AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC') SESSION
GROUP BY begins ORDER BY begins LIMIT {limit:UInt32}
"""
_EDGE = """
SELECT toUnixTimestamp(FUNCTION(start)), count() FROM bars_analytics
WHERE symbol = {symbol:String} AND SOURCES AND interval_s = {kept:UInt32}
    AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC') SESSION
"""


class Kept:
    """The kept bars of one symbol that a request is about."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        symbol: str,
        kept_s: int,
        sources: tuple[str, dict[str, Any]],
        sessions: Sequence[Session] | None,
    ) -> None:
        self._clickhouse = clickhouse
        self._sources = sources[0]
        self._parameters: dict[str, Any] = {"symbol": symbol, "kept": kept_s, **sources[1]}
        self._session = ""
        if sessions is not None:
            self._session = _IN_SESSION
            self._parameters |= {
                "days": [s.opens_ns // 10**9 // 86_400 for s in sessions],
                "opens": [s.opens_ns // 10**9 for s in sessions],
                "closes": [s.closes_ns // 10**9 for s in sessions],
            }

    async def _rows(self, sql: str, since_s: int, until_s: int, **more: Any) -> list[Row]:
        filled = sql.replace("SOURCES", self._sources).replace("SESSION", self._session)
        return await self._clickhouse.rows(
            filled, {**self._parameters, "since": since_s, "until": until_s, **more}
        )

    async def edge(self, function: str, since_s: int, until_s: int) -> int | None:
        """Beginning of the first (`min`) or last (`max`) kept bar in [since, until)."""
        assert function in ("min", "max")
        ((found, count),) = await self._rows(_EDGE.replace("FUNCTION", function), since_s, until_s)
        return int(found) if count else None

    async def bars(self, seconds: int, since_s: int, until_s: int, limit: int) -> list[Row]:
        """Bars of so many seconds that begin in [since, until), oldest first."""
        return await self._rows(_BARS, since_s, until_s, seconds=seconds, limit=limit)


async def factors(clickhouse: ClickHouse, symbol: str) -> list[tuple[date, Decimal, Decimal]]:
    """Day up to which, price factor, split factor; oldest first."""
    rows = await clickhouse.rows(
        "SELECT day, price_factor, split_factor FROM price_factors FINAL WHERE symbol = {symbol:String}"
        " ORDER BY day",
        {"symbol": symbol},
    )
    return [(day, price, split) for day, price, split in rows]


async def sources(clickhouse: ClickHouse, symbol: str) -> list[str]:
    """Who has told of this symbol, by name."""
    rows = await clickhouse.rows(
        "SELECT DISTINCT source FROM bars_analytics WHERE symbol = {symbol:String} AND interval_s = 86400"
        " UNION DISTINCT SELECT DISTINCT source FROM quotes_analytics WHERE symbol = {symbol:String}"
        " ORDER BY source",
        {"symbol": symbol},
    )
    return [row[0] for row in rows]


# ── ticks ───────────────────────────────────────────────────────────────────────────────────────
TICKS = {
    "trades": (
        "ticks_analytics",
        "price, quantity, multiIf(side > 0, 'buy', side < 0, 'sell', NULL) AS aggressor, conditions",
    ),
    "quotes": ("quotes_analytics", "bid, bid_quantity, ask, ask_quantity"),
}
_AT_TEXT = "formatDateTime(at, '%FT%T.%fZ') AS at"


def page_sql(kind: str, *, as_text: bool) -> str:
    """A page of ticks of one source, oldest first, from behind (after_at, after_sequence). As text, times
    are RFC 3339; else they are timestamps."""
    table, columns = TICKS[kind]
    at = _AT_TEXT if as_text else "at"
    return (
        f"SELECT {at}, sequence, {columns} FROM (SELECT * FROM {table} FINAL"
        " WHERE symbol = {symbol:String} AND source = {source:String}"
        " AND at >= fromUnixTimestamp64Nano({since:Int64}) AND at < fromUnixTimestamp64Nano({until:Int64})"
        " AND (at, sequence) > (fromUnixTimestamp64Nano({since:Int64}), {after:UInt64})"
        " ORDER BY symbol, source, at, sequence LIMIT {limit:UInt32})"
    )


def page_range(range_: Range, after: int) -> dict[str, Any]:
    """The parameters of a page from behind (`range_.since_ns`, `after`)."""
    return {"since": range_.since_ns, "until": range_.until_ns, "after": after}
