"""SQL of the tape, the last prices and the instruments. All of it is public. The columns are those of
`cift.market_data.rows`."""

from datetime import datetime

import asyncpg

from cift.market_data.rows import Halt, Instrument, LastPrice, MarketChanges, Quote, Split, Trade
from cift.platform.columns import insert, update, upsert
from cift.platform.postgres import Connection

Row = asyncpg.Record

_INSTRUMENTS = insert("instruments", Instrument)
_HALTS = update("instruments", Halt, "symbol", none_keeps=False)
_TRADES = insert("trades", Trade)
_LAST_PRICES = upsert("market_data_cache", LastPrice, "symbol")
_QUOTES = upsert(
    "market_data_cache",
    Quote,
    "symbol",
    updated_at="greatest(t.updated_at, excluded.updated_at)",
    sequence="greatest(t.sequence, excluded.sequence)",
)
# As in the engine: rounded down to the tick, at least one tick.
_SPLIT = """
UPDATE market_data_cache m
SET last_price = greatest(i.tick, floor(m.last_price * $3 / $2 / i.tick) * i.tick),
    updated_at = journal_time($4), sequence = $5
FROM instruments i
WHERE m.symbol = $1 AND i.symbol = $1 AND m.last_price IS NOT NULL
"""
_DETAILS = """
INSERT INTO instrument_details AS d (symbol, name, calendar) VALUES ($1, $3, $5)
ON CONFLICT (symbol) DO UPDATE SET name = CASE WHEN $2 THEN excluded.name ELSE d.name END,
    calendar = CASE WHEN $4 THEN excluded.calendar ELSE d.calendar END, updated_at = now()
RETURNING symbol, name, calendar
"""


async def write_market(c: Connection, changes: MarketChanges, split: Split | None) -> None:
    """Writes one stretch of a batch, and then the split that ended it."""
    await _INSTRUMENTS.execute(c, changes.instruments)
    await _HALTS.execute(c, changes.halts.values())
    await _TRADES.execute(c, changes.trades)
    await _LAST_PRICES.execute(c, changes.last_prices())
    await _QUOTES.execute(c, changes.quotes.values())
    if split is not None:
        await c.execute(_SPLIT, split.symbol, split.numerator, split.denominator, split.at, split.sequence)


async def edit_details(c: Connection, symbol: str, changes: dict[str, str | None]) -> Row:
    """Write the name and the calendar of an instrument, as far as `changes` has them; returns the new row."""
    row = await c.fetchrow(
        _DETAILS,
        symbol,
        "name" in changes,
        changes.get("name"),
        "calendar" in changes,
        changes.get("calendar"),
    )
    assert row is not None, "an upsert returns its row"
    return row


async def calendar_of(c: Connection, symbol: str) -> str | None:
    """The calendar that an admin set for an instrument."""
    name: str | None = await c.fetchval("SELECT calendar FROM instrument_details WHERE symbol = $1", symbol)
    return name


async def symbol_exists(c: Connection, symbol: str) -> bool:
    """Whether such an instrument is defined."""
    return bool(await c.fetchval("SELECT EXISTS (SELECT FROM instruments WHERE symbol = $1)", symbol))


async def symbols(c: Connection, query: str | None, after: str | None, limit: int) -> list[Row]:
    """Instruments by symbol, whose symbol or name contains `query` in any case, from above `after`.

    `name` and `calendar` are null where an admin has set none."""
    return await c.fetch(
        "SELECT i.symbol, i.currency, i.tick, i.lot, i.band_ppm, i.collar_ppm, i.halted, m.last_price,"
        " d.name, d.calendar"
        " FROM instruments i LEFT JOIN market_data_cache m USING (symbol)"
        " LEFT JOIN instrument_details d USING (symbol)"
        " WHERE ($1::text IS NULL OR position(upper($1) in i.symbol) > 0"
        "  OR position(lower($1) in lower(d.name)) > 0)"
        " AND ($2::text IS NULL OR i.symbol > $2)"
        " ORDER BY i.symbol LIMIT $3",
        query,
        after,
        limit,
    )


async def trades(
    c: Connection, symbol: str, source: str | None, before: tuple[int, int] | None, limit: int
) -> list[Row]:
    """The tape, newest first, from below `before` (sequence, entry)."""
    values: list[object] = [symbol]
    where = ["symbol = $1"]
    if source is not None:
        values.append(source)
        where.append("source = $2")
    if before is not None:
        values += before
        where.append(f"(sequence, entry) < (${len(values) - 1}, ${len(values)})")
    return await c.fetch(
        "SELECT sequence, entry, source, symbol, price, quantity, trade_id, aggressor, executed_at"
        f" FROM trades WHERE {' AND '.join(where)} ORDER BY sequence DESC, entry DESC LIMIT {limit:d}",
        *values,
    )


async def first_trade_at(
    c: Connection, symbol: str, sources: list[str], since: datetime, until: datetime
) -> datetime | None:
    """Time of the first trade in [since, until), None where there is none."""
    found: datetime | None = await c.fetchval(
        "SELECT min(executed_at) FROM trades"
        " WHERE symbol = $1 AND source = ANY($2) AND executed_at >= $3 AND executed_at < $4",
        symbol,
        sources,
        since,
        until,
    )
    return found


async def last_trade_at(c: Connection, symbol: str, sources: list[str], until: datetime) -> datetime | None:
    """Time of the last trade before `until`, None where there is none."""
    found: datetime | None = await c.fetchval(
        "SELECT max(executed_at) FROM trades WHERE symbol = $1 AND source = ANY($2) AND executed_at < $3",
        symbol,
        sources,
        until,
    )
    return found


async def bars(
    c: Connection, symbol: str, sources: list[str], seconds: int, since: datetime, until: datetime
) -> list[Row]:
    """Bars of the trades in [since, until), oldest first; intervals count from the Unix epoch."""
    return await c.fetch(
        "SELECT date_bin($3 * interval '1 second', executed_at, 'epoch'::timestamptz) AS start,"
        " (array_agg(price ORDER BY sequence, entry))[1] AS open, max(price) AS high, min(price) AS low,"
        " (array_agg(price ORDER BY sequence DESC, entry DESC))[1] AS close, sum(quantity) AS volume,"
        " round(sum(price * quantity) / sum(quantity), 9) AS vwap, count(*) AS trades,"
        " array_agg(DISTINCT source ORDER BY source) AS sources"
        " FROM trades WHERE symbol = $1 AND source = ANY($2) AND executed_at >= $4 AND executed_at < $5"
        " GROUP BY 1 ORDER BY 1",
        symbol,
        sources,
        seconds,
        since,
        until,
    )


async def trades_between(
    c: Connection,
    symbol: str,
    since: datetime,
    until: datetime,
    after: tuple[datetime, int, int] | None,
    ascending: bool,
    limit: int,
) -> list[Row]:
    """The tape in [since, until) by time, beyond `after` (time, sequence, entry)."""
    where = ["symbol = $1", "source = ANY('{exchange,outside}')", "executed_at >= $2", "executed_at < $3"]
    values: list[object] = [symbol, since, until]
    order, operator = ("ASC", ">") if ascending else ("DESC", "<")
    if after is not None:
        values += after
        where.append(f"(executed_at, sequence, entry) {operator} ($4, $5, $6)")
    return await c.fetch(
        "SELECT sequence, entry, source, symbol, price, quantity, trade_id, aggressor, executed_at"
        f" FROM trades WHERE {' AND '.join(where)}"
        f" ORDER BY executed_at {order}, sequence {order}, entry {order} LIMIT {limit:d}",
        *values,
    )


async def most_active(c: Connection, since: datetime, by: str, limit: int) -> list[Row]:
    """Symbols with the most volume (`volume`) or trades (`trades`) since a time, with both sums."""
    assert by in ("volume", "trades"), by
    return await c.fetch(
        "SELECT symbol, sum(quantity) AS volume, count(*) AS trades FROM trades WHERE executed_at >= $1"
        f" GROUP BY symbol ORDER BY {by} DESC, symbol LIMIT {limit:d}",
        since,
    )
