-- What accounts did: all from the journal, by the record's commands and events. `journal` tells one journal from
-- another. Keys as in 0001_market.sql.

-- One row a fill: each trade has its maker's and its taker's.
CREATE TABLE IF NOT EXISTS trade_executions
(
    journal LowCardinality(String),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    entry UInt32,
    liquidity Enum8('maker' = 1, 'taker' = 2),
    at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    symbol LowCardinality(String),
    account UUID,
    order UUID,
    -- 0 = a print or quote of the outside market took part on the other side
    trade UInt64 CODEC(Delta, ZSTD(1)),
    side Int8,
    price Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    quantity Decimal64(9) CODEC(ZSTD(1)),
    fee Decimal128(9) CODEC(ZSTD(1)),
    leaves Decimal64(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (account, symbol, at, journal, sequence, entry, liquidity);

CREATE TABLE IF NOT EXISTS position_history_analytics
(
    journal LowCardinality(String),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    entry UInt32,
    at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    account UUID,
    symbol LowCardinality(String),
    quantity Decimal64(9) CODEC(ZSTD(1)),
    cost Decimal128(9) CODEC(ZSTD(1)),
    -- by this change alone
    realized Decimal128(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (account, symbol, at, journal, sequence, entry);

-- Cash of an account after each record that moved it.
CREATE TABLE IF NOT EXISTS account_snapshots
(
    journal LowCardinality(String),
    record UInt64 CODEC(Delta, ZSTD(1)),
    at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    account UUID,
    cash Decimal128(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (account, at, journal, record);
