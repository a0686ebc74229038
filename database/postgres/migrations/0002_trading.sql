-- The read model of the exchange, part 1: accounts, orders, fills, positions, cash.
--
-- A projector writes each row from the journal (stream ORDERS), in one transaction with its offset. All rows can be
-- dropped and written again from sequence 1. So the tables have no default ids, no clock, and no money arithmetic of
-- their own. `sequence` is the sequence of the command in the journal; `entry` numbers the rows of one command.
-- Foreign keys exist only between tables of one projector (project_orders: orders, order_fills; project_ledger:
-- accounts, positions, position_history, transactions, system_balances), because two projectors may be at different
-- positions of the journal.

-- Functions read as the role cift_function (0001), to which the row-level security below applies.

-- Journal time (ns since the epoch) as timestamptz: exact to the microsecond, rounded down.
CREATE FUNCTION journal_time(nanoseconds bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN 'epoch'::timestamptz + (nanoseconds / 1000) * interval '1 microsecond';
COMMENT ON FUNCTION journal_time(bigint) IS 'Journal time (ns since the epoch) as timestamptz, rounded down to the microsecond.';

-- The account whose rows the current transaction sees, set by cift.platform.postgres; null: no rows.
CREATE FUNCTION current_account() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('cift.account_id', true), '')::uuid;
COMMENT ON FUNCTION current_account() IS 'The account of the current transaction (cift.account_id); null sees no rows.';

CREATE TABLE projector_offsets (
    projector text NOT NULL,
    shard text NOT NULL,
    journal_id text NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    PRIMARY KEY (projector, shard, journal_id)
);
COMMENT ON TABLE projector_offsets IS 'Last journal record (stream sequence) whose rows are in the read model, per projector. Written in the same transaction as the rows.';

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('cash', 'margin')),
    role text NOT NULL CHECK (role IN ('customer', 'house')),
    state text NOT NULL CHECK (state IN ('active', 'reduce_only', 'suspended', 'closed')),
    currency text NOT NULL CHECK (char_length(currency) BETWEEN 1 AND 8),
    cash numeric(38,9) NOT NULL,
    max_order_quantity numeric(38,9) CHECK (max_order_quantity > 0),
    max_order_notional numeric(38,9) CHECK (max_order_notional > 0),
    max_position numeric(38,9) CHECK (max_position > 0),
    max_open_orders integer CHECK (max_open_orders > 0),
    max_orders_per_second integer CHECK (max_orders_per_second > 0),
    max_daily_loss numeric(38,9) CHECK (max_daily_loss > 0),
    leverage_percent integer CHECK (leverage_percent BETWEEN 100 AND 1000),
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    CHECK (updated_at >= opened_at)
);
COMMENT ON TABLE accounts IS 'The engine''s accounts. A limit is null until SetLimits; until then the default of the kind applies.';
COMMENT ON COLUMN accounts.cash IS 'Balance after the last posting. It may be negative for a house account, which carries outside liquidity.';

CREATE TABLE system_balances (
    name text NOT NULL CHECK (name IN ('world', 'fees')),
    currency text NOT NULL CHECK (char_length(currency) BETWEEN 1 AND 8),
    cash numeric(38,9) NOT NULL,
    PRIMARY KEY (name, currency)
);
COMMENT ON TABLE system_balances IS 'The other side of the ledger: world (deposits, withdrawals, resets, dividends) and fees. With the accounts it sums to zero per currency.';

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    client_order_id text CHECK (char_length(client_order_id) BETWEEN 1 AND 128),
    symbol text NOT NULL CHECK (char_length(symbol) BETWEEN 1 AND 16),
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    type text NOT NULL CHECK (type IN ('market', 'limit', 'stop', 'stop_limit', 'trailing_stop')),
    time_in_force text NOT NULL CHECK (time_in_force IN ('day', 'gtc', 'ioc', 'fok', 'gtd')),
    expire_at timestamptz,
    quantity numeric(38,9) NOT NULL,
    filled_quantity numeric(38,9) NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0),
    filled_notional numeric(38,9) NOT NULL DEFAULT 0 CHECK (filled_notional >= 0),
    remaining_quantity numeric(38,9) NOT NULL GENERATED ALWAYS AS (quantity - filled_quantity) STORED,
    average_fill_price numeric(38,9) GENERATED ALWAYS AS (round(filled_notional / nullif(filled_quantity, 0), 9)) STORED,
    limit_price numeric(38,9),
    stop_price numeric(38,9),
    trail_amount numeric(38,9),
    trail_ppm bigint,
    display_quantity numeric(38,9),
    post_only boolean NOT NULL DEFAULT false,
    reduce_only boolean NOT NULL DEFAULT false,
    self_trade_prevention text NOT NULL CHECK (self_trade_prevention IN ('cancel_newest', 'cancel_oldest', 'cancel_both', 'none')),
    order_class text NOT NULL DEFAULT 'simple' CHECK (order_class IN ('simple', 'bracket', 'oco', 'oto')),
    parent_id uuid REFERENCES orders (id),
    legs uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(legs) <= 2),
    status text NOT NULL CHECK (status IN ('held', 'pending', 'new', 'partially_filled', 'filled', 'canceled', 'expired', 'rejected')),
    reason text,
    is_open boolean NOT NULL GENERATED ALWAYS AS (status IN ('held', 'pending', 'new', 'partially_filled')) STORED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_sequence bigint NOT NULL CHECK (created_sequence > 0),
    sequence bigint NOT NULL,
    -- A refused order is stored as it was sent, so its numbers may have any value.
    CONSTRAINT orders_filled_within_quantity CHECK (filled_quantity <= quantity OR status = 'rejected'),
    CONSTRAINT orders_filled_is_filled CHECK (status <> 'filled' OR filled_quantity = quantity),
    CONSTRAINT orders_positive_quantity CHECK (quantity > 0 OR status = 'rejected'),
    CONSTRAINT orders_positive_prices CHECK ((coalesce(limit_price, 1) > 0 AND coalesce(stop_price, 1) > 0) OR status = 'rejected'),
    CONSTRAINT orders_gtd_has_expiry CHECK ((time_in_force = 'gtd') = (expire_at IS NOT NULL)),
    CONSTRAINT orders_one_trail CHECK (trail_amount IS NULL OR trail_ppm IS NULL),
    CONSTRAINT orders_rejected_has_reason CHECK (status <> 'rejected' OR reason IS NOT NULL),
    CHECK (updated_at >= created_at),
    CHECK (sequence >= created_sequence)
);
COMMENT ON TABLE orders IS 'Every order an account sent, refused ones included (status rejected), and the legs of brackets, OCO and OTO as orders of their own.';
COMMENT ON COLUMN orders.reason IS 'The close reason of an order that ended unfilled, or the refusal of a rejected one.';
COMMENT ON COLUMN orders.filled_notional IS 'Sum of price x quantity over its fills; with filled_quantity it gives the average price.';
CREATE INDEX orders_account_index ON orders (account_id, created_sequence DESC, id DESC);
CREATE INDEX orders_account_open_index ON orders (account_id, created_sequence DESC, id DESC) WHERE is_open;
CREATE INDEX orders_account_symbol_index ON orders (account_id, symbol, created_sequence DESC, id DESC);
CREATE INDEX orders_client_order_index ON orders (account_id, client_order_id, created_sequence DESC) WHERE client_order_id IS NOT NULL;
CREATE INDEX orders_parent_index ON orders (parent_id) WHERE parent_id IS NOT NULL;

-- An ended order stays ended, and sequences never decrease. A projector that violates this has a bug, and its
-- transaction must not be committed. The WHEN clause avoids the cost of a call for valid updates.
CREATE FUNCTION refuse_order_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % cannot go from % at sequence % to % at sequence %',
        OLD.id, OLD.status, OLD.sequence, NEW.status, NEW.sequence
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER orders_only_forward BEFORE UPDATE ON orders
    FOR EACH ROW
    WHEN (NOT OLD.is_open OR NEW.sequence < OLD.sequence OR NEW.filled_quantity < OLD.filled_quantity
          OR NEW.account_id <> OLD.account_id OR NEW.symbol <> OLD.symbol OR NEW.side <> OLD.side)
    EXECUTE FUNCTION refuse_order_change();

CREATE TABLE order_fills (
    sequence bigint NOT NULL CHECK (sequence > 0),
    entry integer NOT NULL CHECK (entry >= 0),
    order_id uuid NOT NULL REFERENCES orders (id),
    account_id uuid NOT NULL,
    trade_id bigint NOT NULL CHECK (trade_id > 0),
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    liquidity text NOT NULL CHECK (liquidity IN ('maker', 'taker')),
    price numeric(38,9) NOT NULL CHECK (price > 0),
    quantity numeric(38,9) NOT NULL CHECK (quantity > 0),
    notional numeric(38,9) NOT NULL GENERATED ALWAYS AS (round(price * quantity, 9)) STORED,
    fee numeric(38,9) NOT NULL,
    realized numeric(38,9) NOT NULL,
    position_after numeric(38,9) NOT NULL,
    executed_at timestamptz NOT NULL,
    PRIMARY KEY (sequence, entry),
    UNIQUE (trade_id, liquidity)
);
COMMENT ON TABLE order_fills IS 'One row per side of a trade, for orders of customers. House accounts have quotes, not orders.';
COMMENT ON COLUMN order_fills.fee IS 'Charged to the account; negative is a rebate.';
COMMENT ON COLUMN order_fills.realized IS 'Profit or loss that this fill realised against the cost of the position, without fees.';
CREATE INDEX order_fills_account_index ON order_fills (account_id, sequence DESC, entry DESC);
CREATE INDEX order_fills_account_symbol_index ON order_fills (account_id, symbol, sequence DESC, entry DESC);
CREATE INDEX order_fills_order_index ON order_fills (order_id, sequence DESC, entry DESC);

CREATE TABLE positions (
    account_id uuid NOT NULL REFERENCES accounts (id),
    symbol text NOT NULL CHECK (char_length(symbol) BETWEEN 1 AND 16),
    quantity numeric(38,9) NOT NULL,
    cost numeric(38,9) NOT NULL,
    average_price numeric(38,9) GENERATED ALWAYS AS (round(abs(cost / nullif(quantity, 0)), 9)) STORED,
    realized numeric(38,9) NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    PRIMARY KEY (account_id, symbol),
    CONSTRAINT positions_cost_has_the_sign_of_quantity CHECK (sign(cost) * sign(quantity) >= 0 AND (quantity <> 0 OR cost = 0))
);
COMMENT ON TABLE positions IS 'Signed quantity and signed cost. Rows with quantity 0 stay: they hold the realised profit or loss of the account in the symbol.';
COMMENT ON COLUMN positions.opened_at IS 'First fill in the symbol.';
CREATE INDEX positions_symbol_index ON positions (symbol) INCLUDE (quantity) WHERE quantity <> 0;
CREATE INDEX positions_open_index ON positions (account_id, symbol) WHERE quantity <> 0;

CREATE TABLE position_history (
    account_id uuid NOT NULL,
    symbol text NOT NULL,
    minute timestamptz NOT NULL,
    quantity numeric(38,9) NOT NULL,
    cost numeric(38,9) NOT NULL,
    realized numeric(38,9) NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (account_id, symbol, minute),
    FOREIGN KEY (account_id, symbol) REFERENCES positions (account_id, symbol)
);
COMMENT ON TABLE position_history IS 'Each position at the end of each minute in which it changed. Written by a trigger on positions; the projector writes positions minute by minute, so that the rows do not depend on its batches.';
CREATE INDEX position_history_account_index ON position_history (account_id, minute DESC);

CREATE FUNCTION record_position_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO position_history (account_id, symbol, minute, quantity, cost, realized, sequence)
    SELECT account_id, symbol, date_trunc('minute', updated_at, 'UTC'), quantity, cost, realized, sequence
    FROM changed
    ON CONFLICT (account_id, symbol, minute) DO UPDATE
        SET quantity = excluded.quantity, cost = excluded.cost, realized = excluded.realized, sequence = excluded.sequence;
    RETURN NULL;
END $$;
CREATE TRIGGER positions_history_insert AFTER INSERT ON positions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION record_position_history();
CREATE TRIGGER positions_history_update AFTER UPDATE ON positions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION record_position_history();

CREATE TABLE transactions (
    sequence bigint NOT NULL CHECK (sequence > 0),
    entry integer NOT NULL CHECK (entry >= 0),
    id text NOT NULL GENERATED ALWAYS AS (sequence::text || ':' || entry::text) STORED,
    account_id uuid NOT NULL REFERENCES accounts (id),
    kind text NOT NULL CHECK (kind IN ('deposit', 'withdrawal', 'reset', 'dividend', 'cash_in_lieu', 'trade', 'fee')),
    amount numeric(38,9) NOT NULL,
    cash numeric(38,9) NOT NULL,
    symbol text,
    order_id uuid,
    trade_id bigint CHECK (trade_id > 0),
    transfer_id uuid,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (sequence, entry),
    CONSTRAINT transactions_trade_has_symbol CHECK (kind NOT IN ('trade', 'fee') OR (symbol IS NOT NULL AND trade_id IS NOT NULL)),
    CONSTRAINT transactions_deposit_adds CHECK (kind <> 'deposit' OR amount > 0),
    CONSTRAINT transactions_withdrawal_takes CHECK (kind <> 'withdrawal' OR amount < 0)
);
COMMENT ON TABLE transactions IS 'Every movement of an account''s cash, in order; cash is the balance after it. The amounts of an account sum to its balance.';
COMMENT ON COLUMN transactions.amount IS 'Signed: positive if the account received it.';
CREATE INDEX transactions_account_index ON transactions (account_id, sequence DESC, entry DESC);
CREATE INDEX transactions_account_kind_index ON transactions (account_id, kind, sequence DESC, entry DESC);
CREATE INDEX transactions_transfer_index ON transactions (account_id, transfer_id) WHERE transfer_id IS NOT NULL;

-- Row-level security: a function sees only the rows of its caller's account, even if its SQL has no such condition.
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_fills ENABLE ROW LEVEL SECURITY;
ALTER TABLE positions ENABLE ROW LEVEL SECURITY;
ALTER TABLE position_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY accounts_own ON accounts FOR SELECT TO cift_function USING (id = (SELECT current_account()));
CREATE POLICY orders_own ON orders FOR SELECT TO cift_function USING (account_id = (SELECT current_account()));
CREATE POLICY order_fills_own ON order_fills FOR SELECT TO cift_function USING (account_id = (SELECT current_account()));
CREATE POLICY positions_own ON positions FOR SELECT TO cift_function USING (account_id = (SELECT current_account()));
CREATE POLICY position_history_own ON position_history FOR SELECT TO cift_function USING (account_id = (SELECT current_account()));
CREATE POLICY transactions_own ON transactions FOR SELECT TO cift_function USING (account_id = (SELECT current_account()));
GRANT SELECT ON accounts, orders, order_fills, positions, position_history, transactions, projector_offsets TO cift_function;
