-- Ticks in QuestDB. What comes twice replaces itself (DEDUP UPSERT KEYS); a year is kept. Statements end with `;` at
-- the end of a line, and may run again.

CREATE TABLE IF NOT EXISTS ticks (
    at TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    source SYMBOL CAPACITY 64 CACHE,
    sequence LONG,
    price DECIMAL(18, 9),
    quantity DECIMAL(18, 9),
    side BYTE,
    conditions INT
) TIMESTAMP(at) PARTITION BY DAY TTL 366 DAYS WAL DEDUP UPSERT KEYS(at, symbol, source, sequence);

CREATE TABLE IF NOT EXISTS quotes (
    at TIMESTAMP_NS,
    symbol SYMBOL CAPACITY 4096 CACHE,
    source SYMBOL CAPACITY 64 CACHE,
    sequence LONG,
    bid DECIMAL(18, 9),
    bid_quantity DECIMAL(18, 9),
    ask DECIMAL(18, 9),
    ask_quantity DECIMAL(18, 9)
) TIMESTAMP(at) PARTITION BY DAY TTL 366 DAYS WAL DEDUP UPSERT KEYS(at, symbol, source, sequence);
