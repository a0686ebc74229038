-- Values computed from bars and quotes. Of two computations of a row, the one with the later `computed_at` counts.

CREATE TABLE IF NOT EXISTS technical_indicators
(
    symbol LowCardinality(String),
    source LowCardinality(String),
    interval_s UInt32,
    start DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- sma_20, ema_20, rsi_14, bollinger_low_20, …
    name LowCardinality(String),
    value Float64 CODEC(Gorilla, ZSTD(1)),
    computed_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(start)
ORDER BY (symbol, source, interval_s, name, start);

CREATE TABLE IF NOT EXISTS order_flow_features
(
    symbol LowCardinality(String),
    source LowCardinality(String),
    start DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    interval_s UInt32,
    -- order-flow imbalance of Cont, Kukanov and Stoikov (2014), in shares
    imbalance Float64 CODEC(Gorilla, ZSTD(1)),
    mean_spread Float64 CODEC(Gorilla, ZSTD(1)),
    mean_bid_quantity Float64 CODEC(Gorilla, ZSTD(1)),
    mean_ask_quantity Float64 CODEC(Gorilla, ZSTD(1)),
    quotes UInt64,
    computed_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(start)
ORDER BY (symbol, source, interval_s, start);

CREATE TABLE IF NOT EXISTS strategy_performance
(
    strategy LowCardinality(String),
    run UUID,
    at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    equity Float64 CODEC(Gorilla, ZSTD(1)),
    drawdown Float64 CODEC(Gorilla, ZSTD(1)),
    trades UInt64,
    computed_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(at)
ORDER BY (strategy, run, at);
