-- The read model of the exchange, part 2: public market data. Only project_market writes it.

CREATE TABLE instruments (
    symbol text PRIMARY KEY CHECK (symbol ~ '^[A-Z0-9./-]{1,16}$'),
    currency text NOT NULL CHECK (currency ~ '^[A-Z0-9]{1,8}$'),
    tick numeric(38,9) NOT NULL CHECK (tick > 0),
    lot numeric(38,9) NOT NULL CHECK (lot > 0),
    band_ppm integer NOT NULL CHECK (band_ppm BETWEEN 1 AND 1000000),
    collar_ppm integer NOT NULL CHECK (collar_ppm BETWEEN 1 AND 1000000),
    halted boolean NOT NULL DEFAULT false,
    defined_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    CHECK (collar_ppm <= band_ppm)
);
COMMENT ON TABLE instruments IS 'The instruments of the exchange, as defined in the journal.';

CREATE TABLE trades (
    sequence bigint NOT NULL CHECK (sequence > 0),
    entry integer NOT NULL CHECK (entry >= 0),
    source text NOT NULL CHECK (source IN ('exchange', 'outside')),
    symbol text NOT NULL,
    price numeric(38,9) NOT NULL CHECK (price > 0),
    quantity numeric(38,9) NOT NULL CHECK (quantity > 0),
    trade_id bigint CHECK (trade_id > 0),
    aggressor text CHECK (aggressor IN ('buy', 'sell')),
    feed bigint,
    executed_at timestamptz NOT NULL,
    PRIMARY KEY (sequence, entry),
    CONSTRAINT trades_of_the_exchange_have_an_id CHECK ((source = 'exchange') = (trade_id IS NOT NULL AND aggressor IS NOT NULL)),
    CONSTRAINT trades_outside_have_a_feed CHECK ((source = 'outside') = (feed IS NOT NULL))
);
COMMENT ON TABLE trades IS 'The tape: trades of this exchange (source exchange) and prints of the outside market (source outside). It is public, so it has no accounts.';
CREATE INDEX trades_symbol_source_index ON trades (symbol, source, sequence DESC, entry DESC);
CREATE INDEX trades_symbol_index ON trades (symbol, sequence DESC, entry DESC);
CREATE INDEX trades_bars_index ON trades (symbol, source, executed_at);
CREATE UNIQUE INDEX trades_trade_index ON trades (trade_id) WHERE trade_id IS NOT NULL;

CREATE TABLE market_data_cache (
    symbol text PRIMARY KEY,
    last_price numeric(38,9) CHECK (last_price > 0),
    last_quantity numeric(38,9) CHECK (last_quantity > 0),
    last_source text CHECK (last_source IN ('exchange', 'outside')),
    last_at timestamptz,
    bid numeric(38,9) CHECK (bid > 0),
    bid_quantity numeric(38,9) CHECK (bid_quantity > 0),
    ask numeric(38,9) CHECK (ask > 0),
    ask_quantity numeric(38,9) CHECK (ask_quantity > 0),
    quote_at timestamptz,
    updated_at timestamptz NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0)
);
COMMENT ON TABLE market_data_cache IS 'Last price (own or outside, adjusted for splits: the mark) and last outside quote of each symbol, as of the projection. Live quotes and books come from the engine.';

-- Profit and loss of each position at its mark: computed, never stored. The caller's row-level security applies
-- (security_invoker). Without a mark the value of a position is its cost, as in the engine.
CREATE VIEW position_values WITH (security_invoker = true) AS
SELECT p.account_id, p.symbol, p.quantity, p.cost, p.average_price, p.realized, p.opened_at, p.updated_at, p.sequence,
       m.last_price AS mark,
       round(coalesce(p.quantity * m.last_price, p.cost), 9)::numeric(38,9) AS market_value,
       round(coalesce(p.quantity * m.last_price - p.cost, 0), 9)::numeric(38,9) AS unrealized
FROM positions p LEFT JOIN market_data_cache m USING (symbol);
COMMENT ON VIEW position_values IS 'Positions with mark, market value and unrealised profit or loss.';

GRANT SELECT ON instruments, trades, market_data_cache, position_values TO cift_function;
