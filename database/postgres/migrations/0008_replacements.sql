-- Replacements of orders, and what accounts keep for clients: settings and watchlists.

-- A replacement does not change an order's id. Alpaca's clients know each replacement by an id of its own, which
-- follows from the order and the command, so a rebuild gives the same ids.
CREATE TABLE order_replacements (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders (id),
    account_id uuid NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    replaced_at timestamptz NOT NULL,
    quantity numeric(38,9),
    filled_quantity numeric(38,9),
    filled_notional numeric(38,9),
    limit_price numeric(38,9),
    stop_price numeric(38,9),
    trail_amount numeric(38,9),
    trail_ppm bigint
);
COMMENT ON TABLE order_replacements IS 'One row per replacement of an order; the amounts and prices are those before it. Written by project_orders.';
CREATE INDEX order_replacements_order_index ON order_replacements (order_id, sequence);
CREATE INDEX order_replacements_account_index ON order_replacements (account_id, sequence DESC);
ALTER TABLE order_replacements ENABLE ROW LEVEL SECURITY;
CREATE POLICY order_replacements_own ON order_replacements FOR SELECT TO cift_function
    USING (account_id = (SELECT current_account()));

CREATE TABLE account_settings (
    account_id uuid PRIMARY KEY,
    suspend_trade boolean NOT NULL DEFAULT false,
    no_shorting boolean NOT NULL DEFAULT false,
    fractional_trading boolean NOT NULL DEFAULT true,
    max_margin_multiplier text NOT NULL DEFAULT '4' CHECK (max_margin_multiplier IN ('1', '2', '4')),
    trade_confirm_email text NOT NULL DEFAULT 'none' CHECK (trade_confirm_email IN ('all', 'none')),
    ptp_no_exception_entry boolean NOT NULL DEFAULT false,
    max_options_trading_level integer CHECK (max_options_trading_level BETWEEN 0 AND 3),
    disable_overnight_trading boolean NOT NULL DEFAULT false,
    wash_trade_guard boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE account_settings IS 'Settings that the owner of an account chose. Not derived from the journal. No row: the defaults.';
ALTER TABLE account_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY account_settings_own ON account_settings FOR SELECT TO cift_function
    USING (account_id = (SELECT current_account()));

CREATE TABLE watchlists (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    symbols text[] NOT NULL DEFAULT '{}' CHECK (cardinality(symbols) <= 500),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
COMMENT ON TABLE watchlists IS 'Named, ordered lists of symbols of an account. Not derived from the journal.';
ALTER TABLE watchlists ENABLE ROW LEVEL SECURITY;
CREATE POLICY watchlists_own ON watchlists FOR SELECT TO cift_function
    USING (account_id = (SELECT current_account()));

GRANT SELECT ON order_replacements, account_settings, watchlists TO cift_function;
