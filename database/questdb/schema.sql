-- Ticks in QuestDB. What comes twice replaces itself (DEDUP UPSERT KEYS); what is ten years older than the newest is dropped.
-- Statements end with `;` at the end of a line, and may run again.

CREATE TABLE IF NOT EXISTS ticks (
    at TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    source SYMBOL CAPACITY 64 CACHE,
    sequence LONG,
    price DECIMAL(18, 9),
    quantity DECIMAL(18, 9),
    side BYTE,
    conditions INT
) TIMESTAMP(at) PARTITION BY DAY TTL 10 YEARS WAL DEDUP UPSERT KEYS(at, symbol, source, sequence);

CREATE TABLE IF NOT EXISTS quotes (
    at TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    source SYMBOL CAPACITY 64 CACHE,
    sequence LONG,
    bid DECIMAL(18, 9),
    bid_quantity DECIMAL(18, 9),
    ask DECIMAL(18, 9),
    ask_quantity DECIMAL(18, 9)
) TIMESTAMP(at) PARTITION BY DAY TTL 10 YEARS WAL DEDUP UPSERT KEYS(at, symbol, source, sequence);

CREATE TABLE IF NOT EXISTS price_factors (
    day TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    price_factor DECIMAL(18, 12),
    split_factor DECIMAL(18, 12)
) TIMESTAMP(day) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(day, symbol);
