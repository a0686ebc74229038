-- The activity of accounts, derived from the commands and events of the journal. `journal` is the id of the journal.
-- Keys as in 0001_market.sql.

-- One row per fill: a trade has the maker's and the taker's.
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
    -- 0: the other side was a print or a quote of the outside market
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
    -- by this change only
    realized Decimal128(9) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (account, symbol, at, journal, sequence, entry);

-- Cash of an account after each record that changed it.
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
