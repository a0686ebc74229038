"""The tick store QuestDB (`tick_store.TickStore`). Materialized views store bars of minutes, hours and
days; they follow the ticks with a short delay. Other intervals, and bars of several sources, are computed
from ticks on request.

It has the ticks of outside feeds only, not the exchange's own trades. Symbol, source and sessions are in
the query's condition. Many sessions are queried in several statements, and a bar that spans two of them
is joined here.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import orjson

from cift.contracts.amounts import required_text
from cift.contracts.conditions import NOT_LAST_SALE
from cift.history.grid import Grid
from cift.history.tick_store import BarRow, Factor, Kind, SourceFilter, TextForm, TickPage
from cift.kernel.clock import rfc3339_ns, to_datetime
from cift.platform.calendars import Session, open_spans
from cift.platform.questdb import QuestDB

SESSIONS_PER_QUERY = 64
SECOND = 10**9
_BARS = """
SELECT cast(at AS LONG) / 1000000000 AS begins, open, high, low, close, volume, notional, trades, sources
FROM (
    SELECT at, {columns}, string_distinct_agg(cast(source AS STRING), ',') sources
    FROM {table} WHERE {where} SAMPLE BY {every} ALIGN TO CALENDAR{zone}
) LIMIT {limit}
"""
_FROM_TICKS = (
    "first(price) open, max(price) high, min(price) low, last(price) close,"
    " sum(quantity) volume, sum(price * quantity) notional, count() trades"
)
_FROM_BARS = (
    "first(open) open, max(high) high, min(low) low, last(close) close,"
    " sum(volume) volume, sum(notional) notional, sum(trades) trades"
)
_STORED = {60: "bars_1m", 3_600: "bars_1h", 86_400: "bars_1d"}
"""The view with the stored bars of an interval in seconds (`database/questdb/schema.sql`)."""
_EDGE = "SELECT cast(at AS LONG) AS moment FROM {table} WHERE {where} ORDER BY at {order} LIMIT 1"
_SIDES = {1: "buy", -1: "sell"}
_NAMES: dict[Kind, tuple[str, ...]] = {
    "trades": ("at", "sequence", "price", "quantity", "aggressor", "conditions"),
    "quotes": ("at", "sequence", "bid", "bid_quantity", "ask", "ask_quantity"),
}
_PRESENT: dict[Kind, str] = {"trades": "quantity > 0", "quotes": "bid_quantity >= 0"}
"""Leaves out removed ticks (`replace.REMOVED`)."""
_COLUMNS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "trades": ("ticks", ("price", "quantity", "side", "conditions")),
    "quotes": ("quotes", ("bid", "bid_quantity", "ask", "ask_quantity")),
}


class _Bars:
    """Bars of one symbol."""

    def __init__(
        self,
        questdb: QuestDB,
        symbol: str,
        stored_s: int,
        sources: SourceFilter,
        sessions: Sequence[Session] | None,
    ) -> None:
        self._questdb, self._stored_s, self._sessions = questdb, stored_s, sessions
        self._arguments: list[Any] = [symbol]
        self._condition = "symbol = $1"
        self._view = None
        if sources.names:
            self._condition += (
                f" AND source IN ({', '.join(f'${n}' for n in range(2, 2 + len(sources.names)))})"
            )
            self._arguments += sources.names
        elif sources.name is not None:
            self._condition += f" AND source {'!=' if sources.exclude else '='} $2"
            self._arguments.append(sources.name)
            # Bars stored per source do not show which source had the first trade of all.
            self._view = None if sources.exclude else _STORED.get(stored_s)

    async def _read(self) -> tuple[str, str, str]:
        """The table to read, the columns of a bar in it, and the condition except for time."""
        if self._view is not None and self._view in await self._questdb.views():
            return self._view, _FROM_BARS, self._condition
        return "ticks", _FROM_TICKS, f"{self._condition} AND (conditions & {NOT_LAST_SALE}) = 0"

    def _spans(self, since_ns: int, until_ns: int) -> list[list[tuple[int, int]]]:
        """The time ranges within [since, until), grouped by query."""
        if self._sessions is None:
            return [[(since_ns, until_ns)]]
        spans = [
            (max(opens, since_ns), min(closes, until_ns)) for opens, closes in open_spans(self._sessions)
        ]
        spans = [(opens, closes) for opens, closes in spans if opens < closes]
        return [spans[at : at + SESSIONS_PER_QUERY] for at in range(0, len(spans), SESSIONS_PER_QUERY)]

    async def edge(self, function: Literal["min", "max"], since_s: int, until_s: int) -> int | None:
        since_ns, until_ns = (-(-s // self._stored_s) * self._stored_s * SECOND for s in (since_s, until_s))
        order = {"min": "ASC", "max": "DESC"}[function]
        if self._sessions is not None:  # without any tick in the range, no session has to be queried
            first = await self._edge([(since_ns, until_ns)], order)
            if first is None:
                return None
            if function == "min":
                since_ns = first
            else:
                until_ns = first + 1
        groups = self._spans(since_ns, until_ns)
        for spans in groups if function == "min" else reversed(groups):
            found = await self._edge(spans, order)
            if found is not None:
                return found // SECOND
        return None

    async def _edge(self, spans: Sequence[tuple[int, int]], order: str) -> int | None:
        table, _, where = await self._read()
        sql = _EDGE.format(table=table, where=f"{where} AND {_within(spans)}", order=order)
        rows = await self._questdb.rows(sql, *self._arguments)
        return int(rows[0]["moment"]) if rows else None

    async def last_starts(self, grid: Grid, since_s: int, until_s: int, count: int) -> list[int]:
        found: list[int] = []
        table, columns, where = await self._read()
        for spans in reversed(self._spans(since_s * SECOND, until_s * SECOND)):
            sql = _BARS.format(
                columns=columns,
                table=table,
                where=f"{where} AND {_within(spans)}",
                **_sampling(grid),
                limit=-int(count) * (grid.days or 1),  # the last ones
            )
            rows = await self._questdb.rows(sql, *self._arguments)
            found += sorted({grid.floor(int(row[0])) for row in rows}, reverse=True)
            if len(found) > count:  # more than enough, if two spans share a bar
                break
        return list(dict.fromkeys(found))[:count]

    async def bars(self, grid: Grid, since_s: int, until_s: int, limit: int) -> list[BarRow]:
        assert grid.floor(since_s) == since_s
        found: list[BarRow] = []
        table, columns, where = await self._read()
        for spans in self._spans(since_s * SECOND, until_s * SECOND):
            sql = _BARS.format(
                columns=columns,
                table=table,
                where=f"{where} AND {_within(spans)}",
                **_sampling(grid),
                limit=int(limit) * (grid.days or 1),
            )
            for row in await self._questdb.rows(sql, *self._arguments):
                sources = tuple(sorted(row[8].split(",")))
                bar = (grid.floor(int(row[0])), *row[1:7], int(row[7]), sources)
                if found and found[-1][0] == bar[0]:
                    bar = _joined(found.pop(), bar)
                found.append(bar)
            if len(found) > limit:
                break
        return found[:limit]


def _within(spans: Sequence[tuple[int, int]]) -> str:
    """The condition on time. The whole range comes first, because QuestDB selects its partitions by it
    alone."""
    times = [_between(spans[0][0], spans[-1][1])]
    if len(spans) > 1:
        times.append(f"({' OR '.join(f'({_between(*span)})' for span in spans)})")
    return " AND ".join(times)


def _between(since_ns: int, until_ns: int) -> str:
    return f"at >= cast({since_ns} AS TIMESTAMP_NS) AND at < cast({until_ns} AS TIMESTAMP_NS)"


def _joined(a: BarRow, b: BarRow) -> BarRow:
    """One bar from two parts, the earlier one first."""
    high, low, sources = max(a[2], b[2]), min(a[3], b[3]), tuple(sorted({*a[8], *b[8]}))
    return (a[0], a[1], high, low, b[4], a[5] + b[5], a[6] + b[6], a[7] + b[7], sources)


def _sampling(grid: Grid) -> dict[str, str]:
    """Intervals of SAMPLE BY. Days of a zone are sampled one by one and joined here."""
    if grid.days is None:
        return {"every": f"{grid.seconds:d}s", "zone": ""}
    return {"every": "1d", "zone": f" TIME ZONE '{grid.zone}'"}


class QuestDBStore:
    """See the module's header."""

    def __init__(self, questdb: QuestDB) -> None:
        self._questdb = questdb

    def bars_of(
        self,
        symbol: str,
        stored_s: int,
        sources: SourceFilter,
        sessions: Sequence[Session] | None,
        zone: str = "UTC",
    ) -> _Bars:
        return _Bars(self._questdb, symbol, stored_s, sources, sessions)

    async def sources(self, symbol: str) -> list[str]:
        found: set[str] = set()
        for table in ("ticks", "quotes"):
            sql = f"SELECT DISTINCT source FROM {table} WHERE symbol = $1"
            found |= {row["source"] for row in await self._questdb.rows(sql, symbol)}
        return sorted(found)

    async def factors(self, symbol: str) -> list[Factor]:
        rows = await self._questdb.rows(
            "SELECT cast(day AS LONG) AS ns, price_factor, split_factor FROM price_factors"
            " WHERE symbol = $1 AND price_factor > 0 ORDER BY day",
            symbol,
        )
        return [(to_datetime(row["ns"]).date(), row["price_factor"], row["split_factor"]) for row in rows]

    async def _rows(self, page: TickPage) -> list[Any]:
        table, columns = _COLUMNS[page.kind]
        sql = (
            f"SELECT cast(at AS LONG) AS at_ns, sequence, {', '.join(columns)} FROM {table}"
            f" WHERE symbol = $1 AND source = $2 AND {_between(page.since_ns, page.until_ns)}"
            f" AND {_PRESENT[page.kind]}"
            f" AND (at > cast({page.since_ns} AS TIMESTAMP_NS) OR sequence > {page.after})"
            f" ORDER BY at, sequence LIMIT {page.limit}"
        )
        return await self._questdb.rows(sql, page.symbol, page.source)

    async def text(self, page: TickPage, form: TextForm) -> bytes:
        return await asyncio.to_thread(_text, page, await self._rows(page), form)

    async def table(self, page: TickPage) -> Any:
        return await asyncio.to_thread(_table, page, await self._rows(page))


def _values(kind: Kind, row: Any) -> tuple[Any, ...]:
    """A tick's values as strings and numbers, in the order of _NAMES."""
    at = rfc3339_ns(row["at_ns"])
    if kind == "quotes":
        return at, row["sequence"], *(required_text(row[name]) for name in _COLUMNS["quotes"][1])
    price, quantity = required_text(row["price"]), required_text(row["quantity"])
    return at, row["sequence"], price, quantity, _SIDES.get(row["side"]), _bits(row["conditions"])


def _bits(conditions: int) -> int:
    """QuestDB's integers are signed."""
    return conditions & 0xFFFFFFFF


def _text(page: TickPage, rows: Sequence[Any], form: TextForm) -> bytes:
    names, ticks = _NAMES[page.kind], (_values(page.kind, row) for row in rows)
    if form == "JSONEachRow":
        lines = (orjson.dumps(dict(zip(names, each, strict=True))) for each in ticks)
        return b"".join(line + b"\n" for line in lines)
    names, origin = (*names, "symbol", "source"), (page.symbol, page.source)
    decimals = [
        at
        for at, name in enumerate(names)
        if name not in ("at", "sequence", "aggressor", "conditions", "symbol", "source")
    ]
    head = [",".join(f'"{name}"' for name in names)] if form == "CSVWithNames" else []
    return "".join(
        f"{line}\n" for line in (*head, *(_csv((*each, *origin), decimals) for each in ticks))
    ).encode()


def _csv(values: tuple[Any, ...], bare: Sequence[int]) -> str:
    """A line as ClickHouse writes it: strings in quotes, numbers without, None as nothing."""
    return ",".join(
        "" if value is None else f'"{value}"' if isinstance(value, str) and at not in bare else str(value)
        for at, value in enumerate(values)
    )


def _table(page: TickPage, rows: Sequence[Any]) -> Any:
    import pyarrow

    kind = page.kind

    amount = pyarrow.decimal128(18, 9)
    types: dict[str, Any] = {"sequence": pyarrow.uint64(), "conditions": pyarrow.uint32()}
    fields = [pyarrow.field("at", pyarrow.timestamp("ns", "UTC"), nullable=False)]
    columns: list[list[Any]] = [[row["at_ns"] for row in rows]]
    for name in _NAMES[kind][1:]:
        if name == "aggressor":
            fields.append(pyarrow.field(name, pyarrow.string()))
            columns.append([_SIDES.get(row["side"]) for row in rows])
        else:
            fields.append(pyarrow.field(name, types.get(name, amount), nullable=False))
            values = [row[name] for row in rows]
            columns.append([_bits(each) for each in values] if name == "conditions" else values)
    for name, value in (("symbol", page.symbol), ("source", page.source)):
        fields.append(pyarrow.field(name, pyarrow.string(), nullable=False))
        columns.append([value] * len(rows))
    arrays = [pyarrow.array(each, field.type) for each, field in zip(columns, fields, strict=True)]
    return pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))
