-- Ticks, and the bars made from them.
--
-- A row that is inserted twice counts once: both have the same key, and FINAL (in all our reads) or a merge drops one.
-- Statements are separated by `;` at the end of a line.

CREATE TABLE IF NOT EXISTS ticks_analytics
(
    symbol LowCardinality(String),
    -- 'exchange' for trades of this exchange, else the feed's name
    source LowCardinality(String),
    at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- the source's sequence; for a trade of this exchange: command x 1024 + its index among the command's events
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    price Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    quantity Decimal64(9) CODEC(ZSTD(1)),
    -- the taker's side: 1 buy, -1 sell, 0 unknown
    side Int8 CODEC(ZSTD(1)),
    conditions UInt32 CODEC(ZSTD(1)),
    -- first sequence of the message that contained it; for trades of this exchange: the journal's record
    origin UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (symbol, source, at, sequence)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS quotes_analytics
(
    symbol LowCardinality(String),
    source LowCardinality(String),
    at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    bid Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    -- 0: no quote on that side
    bid_quantity Decimal64(9) CODEC(ZSTD(1)),
    ask Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    ask_quantity Decimal64(9) CODEC(ZSTD(1)),
    origin UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (symbol, source, at, sequence)
SETTINGS non_replicated_deduplication_window = 1000;

-- What one message adds to one bar; a bar is the sum of its rows. A view sums all inserts, so a message that is inserted
-- twice would count twice. Here the key contains the message (origin), so the second row replaces the first.
CREATE TABLE IF NOT EXISTS bars_analytics
(
    symbol LowCardinality(String),
    source LowCardinality(String),
    -- 1, 60, 3600 or 86400; other intervals are computed from the longest of these that divides them
    interval_s UInt32,
    -- intervals count from the Unix epoch
    start DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    origin UInt64 CODEC(Delta, ZSTD(1)),
    open Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    high Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    low Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    close Decimal64(9) CODEC(Delta(8), ZSTD(1)),
    -- order of the first and the last tick: time in ns x 2^64 + sequence (one number, because comparing tuples took
    -- most of the time of an insert)
    first UInt128 CODEC(ZSTD(1)),
    last UInt128 CODEC(ZSTD(1)),
    volume Decimal128(9) CODEC(ZSTD(1)),
    -- sum of price x quantity
    notional Decimal128(18) CODEC(ZSTD(1)),
    trades UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(start)
ORDER BY (symbol, source, interval_s, start, origin);

-- 118517248: sale conditions of prints whose price is not the market's price at their time
-- (cift/contracts/conditions.py). The seconds are computed first, then the longer intervals from the seconds.
CREATE MATERIALIZED VIEW IF NOT EXISTS bars_of_ticks TO bars_analytics AS
SELECT
    symbol,
    source,
    interval_s,
    toDateTime(intDiv(second, interval_s) * interval_s, 'UTC') AS start,
    origin,
    argMin(s_open, s_first) AS open,
    max(s_high) AS high,
    min(s_low) AS low,
    argMax(s_close, s_last) AS close,
    min(s_first) AS first,
    max(s_last) AS last,
    sum(s_volume) AS volume,
    sum(s_notional) AS notional,
    sum(s_trades) AS trades
FROM
(
    WITH bitShiftLeft(toUInt128(toUnixTimestamp64Nano(at)), 64) + sequence AS place
    SELECT
        symbol,
        source,
        origin,
        toUnixTimestamp64Second(at) AS second,
        argMin(price, place) AS s_open,
        max(price) AS s_high,
        min(price) AS s_low,
        argMax(price, place) AS s_close,
        min(place) AS s_first,
        max(place) AS s_last,
        sum(toDecimal128(quantity, 9)) AS s_volume,
        sum(toDecimal128(price, 9) * quantity) AS s_notional,
        count() AS s_trades
    FROM ticks_analytics
    WHERE bitAnd(conditions, 118517248) = 0 AND quantity > 0 AND price > 0
    GROUP BY symbol, source, origin, second
)
ARRAY JOIN [1, 60, 3600, 86400] AS interval_s
GROUP BY symbol, source, interval_s, start, origin;

-- Snapshots of the visible book, some seconds apart.
CREATE TABLE IF NOT EXISTS order_book_snapshots
(
    symbol LowCardinality(String),
    at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- the last command before the snapshot: an unchanged book has the same sequence, and stays one row
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    bid_prices Array(Decimal64(9)) CODEC(ZSTD(1)),
    bid_quantities Array(Decimal64(9)) CODEC(ZSTD(1)),
    ask_prices Array(Decimal64(9)) CODEC(ZSTD(1)),
    ask_quantities Array(Decimal64(9)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (symbol, at, sequence);

-- Split and dividend factors of a symbol: a price of `day` or before, times price_factor x split_factor, is comparable
-- with today's prices.
CREATE TABLE IF NOT EXISTS price_factors
(
    symbol LowCardinality(String),
    day Date32,
    price_factor Decimal64(12),
    split_factor Decimal64(12)
)
ENGINE = ReplacingMergeTree
ORDER BY (symbol, day);
