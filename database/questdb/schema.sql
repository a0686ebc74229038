-- Ticks in QuestDB, and the bars made from them. A row that is inserted again replaces itself (DEDUP UPSERT KEYS); rows
-- thirty years older than the newest are dropped. Statements end with `;` at the end of a line, and can run again.

CREATE TABLE IF NOT EXISTS ticks (
    at TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    source SYMBOL CAPACITY 64 CACHE,
    sequence LONG,
    price DECIMAL(18, 9),
    quantity DECIMAL(18, 9),
    side BYTE,
    conditions INT
) TIMESTAMP(at) PARTITION BY DAY TTL 30 YEARS WAL DEDUP UPSERT KEYS(at, symbol, source, sequence);

CREATE TABLE IF NOT EXISTS quotes (
    at TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    source SYMBOL CAPACITY 64 CACHE,
    sequence LONG,
    bid DECIMAL(18, 9),
    bid_quantity DECIMAL(18, 9),
    ask DECIMAL(18, 9),
    ask_quantity DECIMAL(18, 9)
) TIMESTAMP(at) PARTITION BY DAY TTL 30 YEARS WAL DEDUP UPSERT KEYS(at, symbol, source, sequence);

-- 118517248: sale conditions of prints whose price is not the market's price at their time
-- (cift/contracts/conditions.py).
CREATE MATERIALIZED VIEW IF NOT EXISTS bars_1m REFRESH IMMEDIATE AS (
    SELECT at, symbol, source, first(price) open, max(price) high, min(price) low, last(price) close,
        sum(quantity) volume, sum(price * quantity) notional, count() trades
    FROM ticks WHERE (conditions & 118517248) = 0
    SAMPLE BY 1m ALIGN TO CALENDAR
) PARTITION BY MONTH;

CREATE MATERIALIZED VIEW IF NOT EXISTS bars_1h REFRESH IMMEDIATE AS (
    SELECT at, symbol, source, first(open) open, max(high) high, min(low) low, last(close) close,
        sum(volume) volume, sum(notional) notional, sum(trades) trades
    FROM bars_1m
    SAMPLE BY 1h ALIGN TO CALENDAR
) PARTITION BY YEAR;

CREATE MATERIALIZED VIEW IF NOT EXISTS bars_1d REFRESH IMMEDIATE AS (
    SELECT at, symbol, source, first(open) open, max(high) high, min(low) low, last(close) close,
        sum(volume) volume, sum(notional) notional, sum(trades) trades
    FROM bars_1h
    SAMPLE BY 1d ALIGN TO CALENDAR
) PARTITION BY YEAR;

CREATE TABLE IF NOT EXISTS price_factors (
    day TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    price_factor DECIMAL(18, 12),
    split_factor DECIMAL(18, 12)
) TIMESTAMP(day) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(day, symbol);
