-- Rows that belong to accounts: alerts, model configurations, backtests. These tables are authoritative, because no
-- journal contains them, and a rebuild does not touch them. So they refer to users, never to rows that a projector
-- writes. No function uses them yet.

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END $$;

CREATE TABLE alerts (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    symbol text NOT NULL CHECK (char_length(symbol) BETWEEN 1 AND 16),
    condition text NOT NULL CHECK (condition IN ('price_above', 'price_below', 'percent_change', 'volume_above')),
    threshold numeric(38,9) NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'triggered', 'paused')),
    triggered_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'triggered') = (triggered_at IS NOT NULL)),
    CHECK (threshold > 0 OR condition = 'percent_change')
);
COMMENT ON TABLE alerts IS 'Conditions about which an account wants a notification.';
CREATE INDEX alerts_user_index ON alerts (user_id, created_at DESC);
CREATE INDEX alerts_account_index ON alerts (account_id, created_at DESC, id DESC);
CREATE INDEX alerts_active_index ON alerts (symbol, condition, threshold) WHERE state = 'active';

CREATE TABLE model_configs (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    kind text NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 50),
    parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
    active boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name, version)
);
COMMENT ON TABLE model_configs IS 'Configurations of models, versioned by name.';
CREATE INDEX model_configs_user_index ON model_configs (user_id);
CREATE UNIQUE INDEX model_configs_active_index ON model_configs (account_id, name) WHERE active;

CREATE TABLE backtests (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    model_config_id uuid REFERENCES model_configs (id) ON DELETE SET NULL,
    strategy text NOT NULL CHECK (char_length(strategy) BETWEEN 1 AND 100),
    symbols text[] NOT NULL CHECK (cardinality(symbols) BETWEEN 1 AND 500),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    initial_cash numeric(38,9) NOT NULL CHECK (initial_cash > 0),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'canceled')),
    results jsonb CHECK (jsonb_typeof(results) = 'object'),
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK (starts_at < ends_at),
    CHECK ((state IN ('done', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'failed' OR error IS NOT NULL)
);
COMMENT ON TABLE backtests IS 'Runs of a strategy on historical data, with their results.';
CREATE INDEX backtests_user_index ON backtests (user_id);
CREATE INDEX backtests_account_index ON backtests (account_id, created_at DESC, id DESC);
CREATE INDEX backtests_queue_index ON backtests (created_at) WHERE state = 'queued';
CREATE INDEX backtests_model_index ON backtests (model_config_id) WHERE model_config_id IS NOT NULL;

CREATE TRIGGER alerts_touch BEFORE UPDATE ON alerts FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER model_configs_touch BEFORE UPDATE ON model_configs FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER backtests_touch BEFORE UPDATE ON backtests FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_configs ENABLE ROW LEVEL SECURITY;
ALTER TABLE backtests ENABLE ROW LEVEL SECURITY;
CREATE POLICY alerts_own ON alerts TO cift_function USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
CREATE POLICY model_configs_own ON model_configs TO cift_function USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
CREATE POLICY backtests_own ON backtests TO cift_function USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT, INSERT, UPDATE, DELETE ON alerts, model_configs, backtests TO cift_function;
