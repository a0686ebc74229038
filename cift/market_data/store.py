"""SQL of the tape, the last prices and the instruments. All of it is public."""

from datetime import datetime

import asyncpg

from cift.market_data.projection import MarketChanges, Split
from cift.platform.postgres import Connection

Row = asyncpg.Record
NANO = "0.000000001"

_INSTRUMENTS = f"""
INSERT INTO instruments (symbol, currency, tick, lot, band_ppm, collar_ppm, defined_at, updated_at, sequence)
SELECT symbol, currency, tick * {NANO}, lot * {NANO}, band_ppm, collar_ppm, journal_time(at),
    journal_time(at), sequence
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::bigint[],
    $8::bigint[])
    AS u (symbol, currency, tick, lot, band_ppm, collar_ppm, at, sequence)
"""
_HALTS = """
UPDATE instruments i SET halted = u.halted, updated_at = journal_time(u.at), sequence = u.sequence
FROM unnest($1::text[], $2::bool[], $3::bigint[], $4::bigint[]) AS u (symbol, halted, at, sequence)
WHERE i.symbol = u.symbol
"""
_TRADES = f"""
INSERT INTO trades (sequence, entry, source, symbol, price, quantity, trade_id, aggressor, feed, executed_at)
SELECT sequence, entry, source, symbol, price * {NANO}, quantity * {NANO}, trade_id, aggressor, feed,
    journal_time(at)
FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[])
    AS u (sequence, entry, source, symbol, price, quantity, trade_id, aggressor, feed, at)
"""
_LAST = f"""
INSERT INTO market_data_cache (symbol, last_price, last_quantity, last_source, last_at, updated_at, sequence)
SELECT symbol, price * {NANO}, quantity * {NANO}, source, journal_time(at), journal_time(at), sequence
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])
    AS u (symbol, price, quantity, source, at, sequence)
ON CONFLICT (symbol) DO UPDATE SET last_price = excluded.last_price, last_quantity = excluded.last_quantity,
    last_source = excluded.last_source, last_at = excluded.last_at, updated_at = excluded.updated_at,
    sequence = excluded.sequence
"""
_QUOTES = f"""
INSERT INTO market_data_cache AS m (symbol, bid, bid_quantity, ask, ask_quantity, quote_at, updated_at,
    sequence)
SELECT symbol, CASE WHEN bid_quantity > 0 THEN bid * {NANO} END, nullif(bid_quantity, 0) * {NANO},
    CASE WHEN ask_quantity > 0 THEN ask * {NANO} END, nullif(ask_quantity, 0) * {NANO}, journal_time(at),
    journal_time(at), sequence
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS u (symbol, bid, bid_quantity, ask, ask_quantity, at, sequence)
ON CONFLICT (symbol) DO UPDATE SET bid = excluded.bid, bid_quantity = excluded.bid_quantity,
    ask = excluded.ask, ask_quantity = excluded.ask_quantity, quote_at = excluded.quote_at,
    updated_at = greatest(m.updated_at, excluded.updated_at),
    sequence = greatest(m.sequence, excluded.sequence)
"""
# As the engine does it: down to the tick, at least one tick.
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
    if changes.instruments:
        rows = changes.instruments
        await c.execute(
            _INSTRUMENTS,
            [i.symbol for i in rows],
            [i.currency for i in rows],
            [i.tick for i in rows],
            [i.lot for i in rows],
            [i.band_ppm for i in rows],
            [i.collar_ppm for i in rows],
            [i.at for i in rows],
            [i.sequence for i in rows],
        )
    if changes.halts:
        halts = changes.halts.values()
        await c.execute(
            _HALTS, list(changes.halts), [h[0] for h in halts], [h[1] for h in halts], [h[2] for h in halts]
        )
    if changes.trades:
        trades = changes.trades
        await c.execute(
            _TRADES,
            [t.sequence for t in trades],
            [t.entry for t in trades],
            [t.source for t in trades],
            [t.symbol for t in trades],
            [t.price for t in trades],
            [t.quantity for t in trades],
            [t.trade for t in trades],
            [t.aggressor for t in trades],
            [t.feed for t in trades],
            [t.at for t in trades],
        )
        last = changes.last.values()
        await c.execute(
            _LAST,
            list(changes.last),
            [t.price for t in last],
            [t.quantity for t in last],
            [t.source for t in last],
            [t.at for t in last],
            [t.sequence for t in last],
        )
    if changes.quotes:
        quotes = changes.quotes.values()
        await c.execute(
            _QUOTES,
            list(changes.quotes),
            [q.bid for q in quotes],
            [q.bid_quantity for q in quotes],
            [q.ask for q in quotes],
            [q.ask_quantity for q in quotes],
            [q.at for q in quotes],
            [q.sequence for q in quotes],
        )
    if split is not None:
        await c.execute(_SPLIT, split.symbol, split.numerator, split.denominator, split.at, split.sequence)


async def edit_details(c: Connection, symbol: str, changes: dict[str, str | None]) -> Row:
    """Write what is said of an instrument, as far as `changes` name it; the row as it is then."""
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


# ── reads ───────────────────────────────────────────────────────────────────────────────────────
async def calendar_of(c: Connection, symbol: str) -> str | None:
    """The calendar that was set for an instrument."""
    name: str | None = await c.fetchval("SELECT calendar FROM instrument_details WHERE symbol = $1", symbol)
    return name


async def symbol_exists(c: Connection, symbol: str) -> bool:
    """Whether such an instrument is defined."""
    return bool(await c.fetchval("SELECT EXISTS (SELECT FROM instruments WHERE symbol = $1)", symbol))


async def symbols(c: Connection, query: str | None, after: str | None, limit: int) -> list[Row]:
    """Instruments by symbol, of whose symbol or name `query` is a part in any case, from above `after`.

    `name` and `calendar` are null where nobody has said."""
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
        " round(sum(price * quantity) / sum(quantity), 9) AS vwap, count(*) AS trades"
        " FROM trades WHERE symbol = $1 AND source = ANY($2) AND executed_at >= $4 AND executed_at < $5"
        " GROUP BY 1 ORDER BY 1",
        symbol,
        sources,
        seconds,
        since,
        until,
    )
