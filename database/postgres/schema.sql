-- The complete PostgreSQL schema: the sum of database/postgres/migrations. Do not edit.
-- Written by `python scripts/dump_schema.py`; a test checks that both give the same database.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cift_function') THEN
        CREATE ROLE cift_function NOLOGIN NOINHERIT;
    END IF;
    EXECUTE format('GRANT cift_function TO %I', current_user);
END $$;

CREATE FUNCTION public.check_admin_scope() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF ('admin' = ANY (NEW.scopes)) IS DISTINCT FROM
        (SELECT is_admin FROM users WHERE user_id = NEW.user_id) THEN
        RAISE EXCEPTION 'the scope admin is for keys of administrators, and must be their only scope';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.current_account() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (NULLIF(current_setting('cift.account_id'::text, true), ''::text))::uuid;

COMMENT ON FUNCTION public.current_account() IS 'The account of the current transaction (cift.account_id); null sees no rows.';

CREATE FUNCTION public.journal_time(nanoseconds bigint) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ('1970-01-01 00:00:00+00'::timestamp with time zone + (((nanoseconds / 1000))::double precision * '00:00:00.000001'::interval));

COMMENT ON FUNCTION public.journal_time(nanoseconds bigint) IS 'Journal time (ns since the epoch) as timestamptz, rounded down to the microsecond.';

CREATE FUNCTION public.record_position_history() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO position_history (account_id, symbol, minute, quantity, cost, realized, sequence)
    SELECT account_id, symbol, date_trunc('minute', updated_at, 'UTC'), quantity, cost, realized, sequence
    FROM changed
    ON CONFLICT (account_id, symbol, minute) DO UPDATE
        SET quantity = excluded.quantity, cost = excluded.cost, realized = excluded.realized, sequence = excluded.sequence;
    RETURN NULL;
END $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append only', TG_TABLE_NAME;
END $$;

CREATE FUNCTION public.refuse_order_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'order % cannot go from % at sequence % to % at sequence %',
        OLD.id, OLD.status, OLD.sequence, NEW.status, NEW.sequence
        USING ERRCODE = 'check_violation';
END $$;

CREATE FUNCTION public.touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END $$;

CREATE FUNCTION public.touch_user() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE FUNCTION public.username_skeleton(username text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(replace(translate(lower(username), '01i'::text, 'oll'::text), 'rn'::text, 'm'::text), 'vv'::text, 'w'::text);

CREATE TABLE public.account_settings (
    account_id uuid NOT NULL,
    suspend_trade boolean DEFAULT false NOT NULL,
    no_shorting boolean DEFAULT false NOT NULL,
    fractional_trading boolean DEFAULT true NOT NULL,
    max_margin_multiplier text DEFAULT '4'::text NOT NULL,
    trade_confirm_email text DEFAULT 'none'::text NOT NULL,
    ptp_no_exception_entry boolean DEFAULT false NOT NULL,
    max_options_trading_level integer,
    disable_overnight_trading boolean DEFAULT false NOT NULL,
    wash_trade_guard boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_settings_max_margin_multiplier_check CHECK ((max_margin_multiplier = ANY (ARRAY['1'::text, '2'::text, '4'::text]))),
    CONSTRAINT account_settings_max_options_trading_level_check CHECK (((max_options_trading_level >= 0) AND (max_options_trading_level <= 3))),
    CONSTRAINT account_settings_trade_confirm_email_check CHECK ((trade_confirm_email = ANY (ARRAY['all'::text, 'none'::text])))
);

COMMENT ON TABLE public.account_settings IS 'Settings that the owner of an account chose. Not derived from the journal. No row: the defaults.';

CREATE TABLE public.accounts (
    id uuid NOT NULL,
    kind text NOT NULL,
    role text NOT NULL,
    state text NOT NULL,
    currency text NOT NULL,
    cash numeric(38,9) NOT NULL,
    max_order_quantity numeric(38,9),
    max_order_notional numeric(38,9),
    max_position numeric(38,9),
    max_open_orders integer,
    max_orders_per_second integer,
    max_daily_loss numeric(38,9),
    leverage_percent integer,
    opened_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT accounts_check CHECK ((updated_at >= opened_at)),
    CONSTRAINT accounts_currency_check CHECK (((char_length(currency) >= 1) AND (char_length(currency) <= 8))),
    CONSTRAINT accounts_kind_check CHECK ((kind = ANY (ARRAY['cash'::text, 'margin'::text]))),
    CONSTRAINT accounts_leverage_percent_check CHECK (((leverage_percent >= 100) AND (leverage_percent <= 1000))),
    CONSTRAINT accounts_max_daily_loss_check CHECK ((max_daily_loss > (0)::numeric)),
    CONSTRAINT accounts_max_open_orders_check CHECK ((max_open_orders > 0)),
    CONSTRAINT accounts_max_order_notional_check CHECK ((max_order_notional > (0)::numeric)),
    CONSTRAINT accounts_max_order_quantity_check CHECK ((max_order_quantity > (0)::numeric)),
    CONSTRAINT accounts_max_orders_per_second_check CHECK ((max_orders_per_second > 0)),
    CONSTRAINT accounts_max_position_check CHECK ((max_position > (0)::numeric)),
    CONSTRAINT accounts_role_check CHECK ((role = ANY (ARRAY['customer'::text, 'house'::text]))),
    CONSTRAINT accounts_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT accounts_state_check CHECK ((state = ANY (ARRAY['active'::text, 'reduce_only'::text, 'suspended'::text, 'closed'::text])))
);

COMMENT ON TABLE public.accounts IS 'The engine''s accounts. A limit is null until SetLimits; until then the default of the kind applies.';

COMMENT ON COLUMN public.accounts.cash IS 'Balance after the last posting. It may be negative for a house account, which carries outside liquidity.';

CREATE TABLE public.alerts (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    symbol text NOT NULL,
    condition text NOT NULL,
    threshold numeric(38,9) NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    triggered_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT alerts_check CHECK (((state = 'triggered'::text) = (triggered_at IS NOT NULL))),
    CONSTRAINT alerts_check1 CHECK (((threshold > (0)::numeric) OR (condition = 'percent_change'::text))),
    CONSTRAINT alerts_condition_check CHECK ((condition = ANY (ARRAY['price_above'::text, 'price_below'::text, 'percent_change'::text, 'volume_above'::text]))),
    CONSTRAINT alerts_state_check CHECK ((state = ANY (ARRAY['active'::text, 'triggered'::text, 'paused'::text]))),
    CONSTRAINT alerts_symbol_check CHECK (((char_length(symbol) >= 1) AND (char_length(symbol) <= 16)))
);

COMMENT ON TABLE public.alerts IS 'Conditions about which an account wants a notification.';

CREATE TABLE public.api_keys (
    id text NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    managed_by uuid,
    CONSTRAINT api_keys_id_check CHECK ((id ~ '^(PK[A-Z2-7]{18}|[a-z0-9]{12})$'::text)),
    CONSTRAINT api_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 64))),
    CONSTRAINT api_keys_scopes_check CHECK ((((scopes <@ ARRAY['read'::text, 'trade'::text, 'funds'::text]) OR (scopes = ARRAY['admin'::text])) AND ((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 3)))),
    CONSTRAINT api_keys_secret_hash_check CHECK ((length(secret_hash) = 32))
);

CREATE TABLE public.audit_log (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    event text NOT NULL,
    user_id uuid,
    subject text,
    address inet,
    user_agent text,
    request_id text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_log_event_check CHECK ((event ~ '^[a-z_]{3,40}$'::text)),
    CONSTRAINT audit_log_request_id_check CHECK ((length(request_id) <= 64)),
    CONSTRAINT audit_log_subject_check CHECK ((length(subject) <= 254)),
    CONSTRAINT audit_log_user_agent_check CHECK ((length(user_agent) <= 256))
);

ALTER TABLE public.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.backtests (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    model_config_id uuid,
    strategy text NOT NULL,
    symbols text[] NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    initial_cash numeric(38,9) NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    results jsonb,
    error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT backtests_check CHECK ((starts_at < ends_at)),
    CONSTRAINT backtests_check1 CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text, 'canceled'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT backtests_check2 CHECK (((state <> 'failed'::text) OR (error IS NOT NULL))),
    CONSTRAINT backtests_initial_cash_check CHECK ((initial_cash > (0)::numeric)),
    CONSTRAINT backtests_results_check CHECK ((jsonb_typeof(results) = 'object'::text)),
    CONSTRAINT backtests_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'canceled'::text]))),
    CONSTRAINT backtests_strategy_check CHECK (((char_length(strategy) >= 1) AND (char_length(strategy) <= 100))),
    CONSTRAINT backtests_symbols_check CHECK (((cardinality(symbols) >= 1) AND (cardinality(symbols) <= 500)))
);

COMMENT ON TABLE public.backtests IS 'Runs of a strategy on historical data, with their results.';

CREATE TABLE public.instrument_details (
    symbol text NOT NULL,
    name text,
    calendar text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT instrument_details_calendar_check CHECK ((calendar ~ '^[A-Z0-9/]{1,8}$'::text)),
    CONSTRAINT instrument_details_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT instrument_details_name_check1 CHECK ((name !~ '[[:cntrl:]]'::text)),
    CONSTRAINT instrument_details_symbol_check CHECK ((symbol ~ '^[A-Z0-9./-]{1,16}$'::text))
);

COMMENT ON TABLE public.instrument_details IS 'Name and exchange calendar of instruments, set by administrators; null if not set. Not derived from the journal.';

CREATE TABLE public.instruments (
    symbol text NOT NULL,
    currency text NOT NULL,
    tick numeric(38,9) NOT NULL,
    lot numeric(38,9) NOT NULL,
    band_ppm integer NOT NULL,
    collar_ppm integer NOT NULL,
    halted boolean DEFAULT false NOT NULL,
    defined_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT instruments_band_ppm_check CHECK (((band_ppm >= 1) AND (band_ppm <= 1000000))),
    CONSTRAINT instruments_check CHECK ((collar_ppm <= band_ppm)),
    CONSTRAINT instruments_collar_ppm_check CHECK (((collar_ppm >= 1) AND (collar_ppm <= 1000000))),
    CONSTRAINT instruments_currency_check CHECK ((currency ~ '^[A-Z0-9]{1,8}$'::text)),
    CONSTRAINT instruments_lot_check CHECK ((lot > (0)::numeric)),
    CONSTRAINT instruments_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT instruments_symbol_check CHECK ((symbol ~ '^[A-Z0-9./-]{1,16}$'::text)),
    CONSTRAINT instruments_tick_check CHECK ((tick > (0)::numeric))
);

COMMENT ON TABLE public.instruments IS 'The instruments of the exchange, as defined in the journal.';

CREATE TABLE public.mails (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    next_try_at timestamp with time zone DEFAULT now() NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    sent_at timestamp with time zone,
    token_hash bytea,
    expires_at timestamp with time zone,
    used_at timestamp with time zone,
    CONSTRAINT mails_purpose_check CHECK ((purpose = ANY (ARRAY['reset_password'::text, 'verify_email'::text]))),
    CONSTRAINT mails_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE public.market_data_cache (
    symbol text NOT NULL,
    last_price numeric(38,9),
    last_quantity numeric(38,9),
    last_source text,
    last_at timestamp with time zone,
    bid numeric(38,9),
    bid_quantity numeric(38,9),
    ask numeric(38,9),
    ask_quantity numeric(38,9),
    quote_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT market_data_cache_ask_check CHECK ((ask > (0)::numeric)),
    CONSTRAINT market_data_cache_ask_quantity_check CHECK ((ask_quantity > (0)::numeric)),
    CONSTRAINT market_data_cache_bid_check CHECK ((bid > (0)::numeric)),
    CONSTRAINT market_data_cache_bid_quantity_check CHECK ((bid_quantity > (0)::numeric)),
    CONSTRAINT market_data_cache_last_price_check CHECK ((last_price > (0)::numeric)),
    CONSTRAINT market_data_cache_last_quantity_check CHECK ((last_quantity > (0)::numeric)),
    CONSTRAINT market_data_cache_last_source_check CHECK ((last_source = ANY (ARRAY['exchange'::text, 'outside'::text]))),
    CONSTRAINT market_data_cache_sequence_check CHECK ((sequence > 0))
);

COMMENT ON TABLE public.market_data_cache IS 'Last price (own or outside, adjusted for splits: the mark) and last outside quote of each symbol, as of the projection. Live quotes and books come from the engine.';

CREATE TABLE public.model_configs (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    kind text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    active boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT model_configs_kind_check CHECK (((char_length(kind) >= 1) AND (char_length(kind) <= 50))),
    CONSTRAINT model_configs_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT model_configs_parameters_check CHECK ((jsonb_typeof(parameters) = 'object'::text)),
    CONSTRAINT model_configs_version_check CHECK ((version > 0))
);

COMMENT ON TABLE public.model_configs IS 'Configurations of models, versioned by name.';

CREATE TABLE public.order_fills (
    sequence bigint NOT NULL,
    entry integer NOT NULL,
    order_id uuid NOT NULL,
    account_id uuid NOT NULL,
    trade_id bigint NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL,
    liquidity text NOT NULL,
    price numeric(38,9) NOT NULL,
    quantity numeric(38,9) NOT NULL,
    notional numeric(38,9) GENERATED ALWAYS AS (round((price * quantity), 9)) STORED NOT NULL,
    fee numeric(38,9) NOT NULL,
    realized numeric(38,9) NOT NULL,
    position_after numeric(38,9) NOT NULL,
    executed_at timestamp with time zone NOT NULL,
    CONSTRAINT order_fills_entry_check CHECK ((entry >= 0)),
    CONSTRAINT order_fills_liquidity_check CHECK ((liquidity = ANY (ARRAY['maker'::text, 'taker'::text]))),
    CONSTRAINT order_fills_price_check CHECK ((price > (0)::numeric)),
    CONSTRAINT order_fills_quantity_check CHECK ((quantity > (0)::numeric)),
    CONSTRAINT order_fills_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT order_fills_side_check CHECK ((side = ANY (ARRAY['buy'::text, 'sell'::text]))),
    CONSTRAINT order_fills_trade_id_check CHECK ((trade_id > 0))
);

COMMENT ON TABLE public.order_fills IS 'One row per side of a trade, for orders of customers. House accounts have quotes, not orders.';

COMMENT ON COLUMN public.order_fills.fee IS 'Charged to the account; negative is a rebate.';

COMMENT ON COLUMN public.order_fills.realized IS 'Profit or loss that this fill realised against the cost of the position, without fees.';

CREATE TABLE public.order_replacements (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    account_id uuid NOT NULL,
    sequence bigint NOT NULL,
    replaced_at timestamp with time zone NOT NULL,
    quantity numeric(38,9),
    filled_quantity numeric(38,9),
    filled_notional numeric(38,9),
    limit_price numeric(38,9),
    stop_price numeric(38,9),
    trail_amount numeric(38,9),
    trail_ppm bigint,
    CONSTRAINT order_replacements_sequence_check CHECK ((sequence > 0))
);

COMMENT ON TABLE public.order_replacements IS 'One row per replacement of an order; the amounts and prices are those before it. Written by project_orders.';

CREATE TABLE public.orders (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    client_order_id text,
    symbol text NOT NULL,
    side text NOT NULL,
    type text NOT NULL,
    time_in_force text NOT NULL,
    expire_at timestamp with time zone,
    quantity numeric(38,9) NOT NULL,
    filled_quantity numeric(38,9) DEFAULT 0 NOT NULL,
    filled_notional numeric(38,9) DEFAULT 0 NOT NULL,
    remaining_quantity numeric(38,9) GENERATED ALWAYS AS ((quantity - filled_quantity)) STORED NOT NULL,
    average_fill_price numeric(38,9) GENERATED ALWAYS AS (round((filled_notional / NULLIF(filled_quantity, (0)::numeric)), 9)) STORED,
    limit_price numeric(38,9),
    stop_price numeric(38,9),
    trail_amount numeric(38,9),
    trail_ppm bigint,
    display_quantity numeric(38,9),
    post_only boolean DEFAULT false NOT NULL,
    reduce_only boolean DEFAULT false NOT NULL,
    self_trade_prevention text NOT NULL,
    order_class text DEFAULT 'simple'::text NOT NULL,
    parent_id uuid,
    legs uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    status text NOT NULL,
    reason text,
    is_open boolean GENERATED ALWAYS AS ((status = ANY (ARRAY['held'::text, 'pending'::text, 'new'::text, 'partially_filled'::text]))) STORED NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    created_sequence bigint NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT orders_check CHECK ((updated_at >= created_at)),
    CONSTRAINT orders_check1 CHECK ((sequence >= created_sequence)),
    CONSTRAINT orders_client_order_id_check CHECK (((char_length(client_order_id) >= 1) AND (char_length(client_order_id) <= 128))),
    CONSTRAINT orders_created_sequence_check CHECK ((created_sequence > 0)),
    CONSTRAINT orders_filled_is_filled CHECK (((status <> 'filled'::text) OR (filled_quantity = quantity))),
    CONSTRAINT orders_filled_notional_check CHECK ((filled_notional >= (0)::numeric)),
    CONSTRAINT orders_filled_quantity_check CHECK ((filled_quantity >= (0)::numeric)),
    CONSTRAINT orders_filled_within_quantity CHECK (((filled_quantity <= quantity) OR (status = 'rejected'::text))),
    CONSTRAINT orders_gtd_has_expiry CHECK (((time_in_force = 'gtd'::text) = (expire_at IS NOT NULL))),
    CONSTRAINT orders_legs_check CHECK ((cardinality(legs) <= 2)),
    CONSTRAINT orders_one_trail CHECK (((trail_amount IS NULL) OR (trail_ppm IS NULL))),
    CONSTRAINT orders_order_class_check CHECK ((order_class = ANY (ARRAY['simple'::text, 'bracket'::text, 'oco'::text, 'oto'::text]))),
    CONSTRAINT orders_positive_prices CHECK ((((COALESCE(limit_price, (1)::numeric) > (0)::numeric) AND (COALESCE(stop_price, (1)::numeric) > (0)::numeric)) OR (status = 'rejected'::text))),
    CONSTRAINT orders_positive_quantity CHECK (((quantity > (0)::numeric) OR (status = 'rejected'::text))),
    CONSTRAINT orders_rejected_has_reason CHECK (((status <> 'rejected'::text) OR (reason IS NOT NULL))),
    CONSTRAINT orders_self_trade_prevention_check CHECK ((self_trade_prevention = ANY (ARRAY['cancel_newest'::text, 'cancel_oldest'::text, 'cancel_both'::text, 'none'::text]))),
    CONSTRAINT orders_side_check CHECK ((side = ANY (ARRAY['buy'::text, 'sell'::text]))),
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['held'::text, 'pending'::text, 'new'::text, 'partially_filled'::text, 'filled'::text, 'canceled'::text, 'expired'::text, 'rejected'::text]))),
    CONSTRAINT orders_symbol_check CHECK (((char_length(symbol) >= 1) AND (char_length(symbol) <= 16))),
    CONSTRAINT orders_time_in_force_check CHECK ((time_in_force = ANY (ARRAY['day'::text, 'gtc'::text, 'ioc'::text, 'fok'::text, 'gtd'::text]))),
    CONSTRAINT orders_type_check CHECK ((type = ANY (ARRAY['market'::text, 'limit'::text, 'stop'::text, 'stop_limit'::text, 'trailing_stop'::text])))
);

COMMENT ON TABLE public.orders IS 'Every order an account sent, refused ones included (status rejected), and the legs of brackets, OCO and OTO as orders of their own.';

COMMENT ON COLUMN public.orders.filled_notional IS 'Sum of price x quantity over its fills; with filled_quantity it gives the average price.';

COMMENT ON COLUMN public.orders.reason IS 'The close reason of an order that ended unfilled, or the refusal of a rejected one.';

CREATE TABLE public.position_history (
    account_id uuid NOT NULL,
    symbol text NOT NULL,
    minute timestamp with time zone NOT NULL,
    quantity numeric(38,9) NOT NULL,
    cost numeric(38,9) NOT NULL,
    realized numeric(38,9) NOT NULL,
    sequence bigint NOT NULL
);

COMMENT ON TABLE public.position_history IS 'Each position at the end of each minute in which it changed. Written by a trigger on positions; the projector writes positions minute by minute, so that the rows do not depend on its batches.';

CREATE TABLE public.positions (
    account_id uuid NOT NULL,
    symbol text NOT NULL,
    quantity numeric(38,9) NOT NULL,
    cost numeric(38,9) NOT NULL,
    average_price numeric(38,9) GENERATED ALWAYS AS (round(abs((cost / NULLIF(quantity, (0)::numeric))), 9)) STORED,
    realized numeric(38,9) DEFAULT 0 NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT positions_cost_has_the_sign_of_quantity CHECK ((((sign(cost) * sign(quantity)) >= (0)::numeric) AND ((quantity <> (0)::numeric) OR (cost = (0)::numeric)))),
    CONSTRAINT positions_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT positions_symbol_check CHECK (((char_length(symbol) >= 1) AND (char_length(symbol) <= 16)))
);

COMMENT ON TABLE public.positions IS 'Signed quantity and signed cost. Rows with quantity 0 stay: they hold the realised profit or loss of the account in the symbol.';

COMMENT ON COLUMN public.positions.opened_at IS 'First fill in the symbol.';

CREATE VIEW public.position_values WITH (security_invoker='true') AS
 SELECT p.account_id,
    p.symbol,
    p.quantity,
    p.cost,
    p.average_price,
    p.realized,
    p.opened_at,
    p.updated_at,
    p.sequence,
    m.last_price AS mark,
    (round(COALESCE((p.quantity * m.last_price), p.cost), 9))::numeric(38,9) AS market_value,
    (round(COALESCE(((p.quantity * m.last_price) - p.cost), (0)::numeric), 9))::numeric(38,9) AS unrealized
   FROM (public.positions p
     LEFT JOIN public.market_data_cache m USING (symbol));

COMMENT ON VIEW public.position_values IS 'Positions with mark, market value and unrealised profit or loss.';

CREATE TABLE public.projector_offsets (
    projector text NOT NULL,
    shard text NOT NULL,
    journal_id text NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT projector_offsets_sequence_check CHECK ((sequence >= 0))
);

COMMENT ON TABLE public.projector_offsets IS 'Last journal record (stream sequence) whose rows are in the read model, per projector. Written in the same transaction as the rows.';

CREATE TABLE public.refresh_tokens (
    id uuid NOT NULL,
    family uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    access_jti uuid NOT NULL,
    access_expires_at timestamp with time zone NOT NULL,
    address inet,
    user_agent text,
    CONSTRAINT refresh_tokens_token_hash_check CHECK ((length(token_hash) = 32)),
    CONSTRAINT refresh_tokens_user_agent_check CHECK ((length(user_agent) <= 256))
);

CREATE TABLE public.revoked_tokens (
    jti uuid NOT NULL,
    user_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.system_balances (
    name text NOT NULL,
    currency text NOT NULL,
    cash numeric(38,9) NOT NULL,
    CONSTRAINT system_balances_currency_check CHECK (((char_length(currency) >= 1) AND (char_length(currency) <= 8))),
    CONSTRAINT system_balances_name_check CHECK ((name = ANY (ARRAY['world'::text, 'fees'::text])))
);

COMMENT ON TABLE public.system_balances IS 'The other side of the ledger: world (deposits, withdrawals, resets, dividends) and fees. With the accounts it sums to zero per currency.';

CREATE TABLE public.trades (
    sequence bigint NOT NULL,
    entry integer NOT NULL,
    source text NOT NULL,
    symbol text NOT NULL,
    price numeric(38,9) NOT NULL,
    quantity numeric(38,9) NOT NULL,
    trade_id bigint,
    aggressor text,
    feed bigint,
    executed_at timestamp with time zone NOT NULL,
    CONSTRAINT trades_aggressor_check CHECK ((aggressor = ANY (ARRAY['buy'::text, 'sell'::text]))),
    CONSTRAINT trades_entry_check CHECK ((entry >= 0)),
    CONSTRAINT trades_of_the_exchange_have_an_id CHECK (((source = 'exchange'::text) = ((trade_id IS NOT NULL) AND (aggressor IS NOT NULL)))),
    CONSTRAINT trades_outside_have_a_feed CHECK (((source = 'outside'::text) = (feed IS NOT NULL))),
    CONSTRAINT trades_price_check CHECK ((price > (0)::numeric)),
    CONSTRAINT trades_quantity_check CHECK ((quantity > (0)::numeric)),
    CONSTRAINT trades_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT trades_source_check CHECK ((source = ANY (ARRAY['exchange'::text, 'outside'::text]))),
    CONSTRAINT trades_trade_id_check CHECK ((trade_id > 0))
);

COMMENT ON TABLE public.trades IS 'The tape: trades of this exchange (source exchange) and prints of the outside market (source outside). It is public, so it has no accounts.';

CREATE TABLE public.transactions (
    sequence bigint NOT NULL,
    entry integer NOT NULL,
    id text GENERATED ALWAYS AS ((((sequence)::text || ':'::text) || (entry)::text)) STORED NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    amount numeric(38,9) NOT NULL,
    cash numeric(38,9) NOT NULL,
    symbol text,
    order_id uuid,
    trade_id bigint,
    transfer_id uuid,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT transactions_deposit_adds CHECK (((kind <> 'deposit'::text) OR (amount > (0)::numeric))),
    CONSTRAINT transactions_entry_check CHECK ((entry >= 0)),
    CONSTRAINT transactions_kind_check CHECK ((kind = ANY (ARRAY['deposit'::text, 'withdrawal'::text, 'reset'::text, 'dividend'::text, 'cash_in_lieu'::text, 'liquidation'::text, 'deficit'::text, 'trade'::text, 'fee'::text]))),
    CONSTRAINT transactions_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT transactions_trade_has_symbol CHECK (((kind <> ALL (ARRAY['trade'::text, 'fee'::text])) OR ((symbol IS NOT NULL) AND (trade_id IS NOT NULL)))),
    CONSTRAINT transactions_trade_id_check CHECK ((trade_id > 0)),
    CONSTRAINT transactions_withdrawal_takes CHECK (((kind <> 'withdrawal'::text) OR (amount < (0)::numeric)))
);

COMMENT ON TABLE public.transactions IS 'Every movement of an account''s cash, in order; cash is the balance after it. The amounts of an account sum to its balance.';

COMMENT ON COLUMN public.transactions.amount IS 'Signed: positive if the account received it.';

CREATE TABLE public.users (
    user_id uuid NOT NULL,
    email text NOT NULL,
    username text NOT NULL,
    password_hash text NOT NULL,
    account_id uuid NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    last_login_at timestamp with time zone,
    managed_by uuid,
    managed_as text,
    managed_in uuid,
    is_admin boolean DEFAULT false NOT NULL,
    must_verify_email boolean DEFAULT false NOT NULL,
    email_verified_at timestamp with time zone,
    CONSTRAINT users_email_check CHECK (((length(email) >= 3) AND (length(email) <= 254))),
    CONSTRAINT users_managed_as_check CHECK (((length(managed_as) >= 3) AND (length(managed_as) <= 320))),
    CONSTRAINT users_managed_wholly CHECK ((num_nonnulls(managed_by, managed_as, managed_in) = ANY (ARRAY[0, 3]))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'disabled'::text]))),
    CONSTRAINT users_username_check CHECK ((username ~ '^[A-Za-z0-9_.-]{3,32}$'::text))
);

CREATE TABLE public.watchlists (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    symbols text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT watchlists_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 64))),
    CONSTRAINT watchlists_symbols_check CHECK ((cardinality(symbols) <= 500))
);

COMMENT ON TABLE public.watchlists IS 'Named, ordered lists of symbols of an account. Not derived from the journal.';

ALTER TABLE ONLY public.account_settings
    ADD CONSTRAINT account_settings_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.backtests
    ADD CONSTRAINT backtests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.instrument_details
    ADD CONSTRAINT instrument_details_pkey PRIMARY KEY (symbol);

ALTER TABLE ONLY public.instruments
    ADD CONSTRAINT instruments_pkey PRIMARY KEY (symbol);

ALTER TABLE ONLY public.mails
    ADD CONSTRAINT mails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.market_data_cache
    ADD CONSTRAINT market_data_cache_pkey PRIMARY KEY (symbol);

ALTER TABLE ONLY public.model_configs
    ADD CONSTRAINT model_configs_account_id_name_version_key UNIQUE (account_id, name, version);

ALTER TABLE ONLY public.model_configs
    ADD CONSTRAINT model_configs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_fills
    ADD CONSTRAINT order_fills_pkey PRIMARY KEY (sequence, entry);

ALTER TABLE ONLY public.order_fills
    ADD CONSTRAINT order_fills_trade_id_liquidity_key UNIQUE (trade_id, liquidity);

ALTER TABLE ONLY public.order_replacements
    ADD CONSTRAINT order_replacements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.position_history
    ADD CONSTRAINT position_history_pkey PRIMARY KEY (account_id, symbol, minute);

ALTER TABLE ONLY public.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (account_id, symbol);

ALTER TABLE ONLY public.projector_offsets
    ADD CONSTRAINT projector_offsets_pkey PRIMARY KEY (projector, shard, journal_id);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.revoked_tokens
    ADD CONSTRAINT revoked_tokens_pkey PRIMARY KEY (jti);

ALTER TABLE ONLY public.system_balances
    ADD CONSTRAINT system_balances_pkey PRIMARY KEY (name, currency);

ALTER TABLE ONLY public.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (sequence, entry);

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (sequence, entry);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_account_id_key UNIQUE (account_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_managed_by_key UNIQUE (managed_by);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.watchlists
    ADD CONSTRAINT watchlists_account_id_name_key UNIQUE (account_id, name);

ALTER TABLE ONLY public.watchlists
    ADD CONSTRAINT watchlists_pkey PRIMARY KEY (id);

CREATE INDEX alerts_account_index ON public.alerts USING btree (account_id, created_at DESC, id DESC);

CREATE INDEX alerts_active_index ON public.alerts USING btree (symbol, condition, threshold) WHERE (state = 'active'::text);

CREATE INDEX alerts_user_index ON public.alerts USING btree (user_id, created_at DESC);

CREATE INDEX api_keys_user_idx ON public.api_keys USING btree (user_id, created_at DESC);

CREATE INDEX audit_log_event_idx ON public.audit_log USING btree (event, at DESC);

CREATE INDEX audit_log_user_idx ON public.audit_log USING btree (user_id, at DESC);

CREATE INDEX backtests_account_index ON public.backtests USING btree (account_id, created_at DESC, id DESC);

CREATE INDEX backtests_model_index ON public.backtests USING btree (model_config_id) WHERE (model_config_id IS NOT NULL);

CREATE INDEX backtests_queue_index ON public.backtests USING btree (created_at) WHERE (state = 'queued'::text);

CREATE INDEX backtests_user_index ON public.backtests USING btree (user_id);

CREATE INDEX mails_due_idx ON public.mails USING btree (next_try_at) WHERE (sent_at IS NULL);

CREATE INDEX mails_user_idx ON public.mails USING btree (user_id, requested_at DESC);

CREATE UNIQUE INDEX model_configs_active_index ON public.model_configs USING btree (account_id, name) WHERE active;

CREATE INDEX model_configs_user_index ON public.model_configs USING btree (user_id);

CREATE INDEX order_fills_account_index ON public.order_fills USING btree (account_id, sequence DESC, entry DESC);

CREATE INDEX order_fills_account_symbol_index ON public.order_fills USING btree (account_id, symbol, sequence DESC, entry DESC);

CREATE INDEX order_fills_order_index ON public.order_fills USING btree (order_id, sequence DESC, entry DESC);

CREATE INDEX order_replacements_account_index ON public.order_replacements USING btree (account_id, sequence DESC);

CREATE INDEX order_replacements_order_index ON public.order_replacements USING btree (order_id, sequence);

CREATE INDEX orders_account_index ON public.orders USING btree (account_id, created_sequence DESC, id DESC);

CREATE INDEX orders_account_open_index ON public.orders USING btree (account_id, created_sequence DESC, id DESC) WHERE is_open;

CREATE INDEX orders_account_symbol_index ON public.orders USING btree (account_id, symbol, created_sequence DESC, id DESC);

CREATE INDEX orders_client_order_index ON public.orders USING btree (account_id, client_order_id, created_sequence DESC) WHERE (client_order_id IS NOT NULL);

CREATE INDEX orders_parent_index ON public.orders USING btree (parent_id) WHERE (parent_id IS NOT NULL);

CREATE INDEX position_history_account_index ON public.position_history USING btree (account_id, minute DESC);

CREATE INDEX positions_open_index ON public.positions USING btree (account_id, symbol) WHERE (quantity <> (0)::numeric);

CREATE INDEX positions_symbol_index ON public.positions USING btree (symbol) INCLUDE (quantity) WHERE (quantity <> (0)::numeric);

CREATE INDEX refresh_tokens_expiry_idx ON public.refresh_tokens USING btree (expires_at);

CREATE INDEX refresh_tokens_family_idx ON public.refresh_tokens USING btree (family);

CREATE INDEX refresh_tokens_user_idx ON public.refresh_tokens USING btree (user_id);

CREATE INDEX revoked_tokens_expiry_idx ON public.revoked_tokens USING btree (expires_at);

CREATE INDEX trades_bars_index ON public.trades USING btree (symbol, source, executed_at);

CREATE INDEX trades_symbol_index ON public.trades USING btree (symbol, sequence DESC, entry DESC);

CREATE INDEX trades_symbol_source_index ON public.trades USING btree (symbol, source, sequence DESC, entry DESC);

CREATE UNIQUE INDEX trades_trade_index ON public.trades USING btree (trade_id) WHERE (trade_id IS NOT NULL);

CREATE INDEX transactions_account_index ON public.transactions USING btree (account_id, sequence DESC, entry DESC);

CREATE INDEX transactions_account_kind_index ON public.transactions USING btree (account_id, kind, sequence DESC, entry DESC);

CREATE INDEX transactions_transfer_index ON public.transactions USING btree (account_id, transfer_id) WHERE (transfer_id IS NOT NULL);

CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));

CREATE INDEX users_managed_idx ON public.users USING btree (managed_in) WHERE (managed_by IS NOT NULL);

CREATE INDEX users_pending_idx ON public.users USING btree (created_at) WHERE (status = 'pending'::text);

CREATE INDEX users_skeleton_idx ON public.users USING btree (public.username_skeleton(username));

CREATE UNIQUE INDEX users_username_key ON public.users USING btree (lower(username));

CREATE TRIGGER alerts_touch BEFORE UPDATE ON public.alerts FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

CREATE TRIGGER api_keys_check_admin_scope BEFORE INSERT OR UPDATE OF scopes, user_id ON public.api_keys FOR EACH ROW EXECUTE FUNCTION public.check_admin_scope();

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER backtests_touch BEFORE UPDATE ON public.backtests FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

CREATE TRIGGER model_configs_touch BEFORE UPDATE ON public.model_configs FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

CREATE TRIGGER orders_only_forward BEFORE UPDATE ON public.orders FOR EACH ROW WHEN (((NOT old.is_open) OR (new.sequence < old.sequence) OR (new.filled_quantity < old.filled_quantity) OR (new.account_id <> old.account_id) OR (new.symbol <> old.symbol) OR (new.side <> old.side))) EXECUTE FUNCTION public.refuse_order_change();

CREATE TRIGGER positions_history_insert AFTER INSERT ON public.positions REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.record_position_history();

CREATE TRIGGER positions_history_update AFTER UPDATE ON public.positions REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.record_position_history();

CREATE TRIGGER users_touch BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch_user();

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.backtests
    ADD CONSTRAINT backtests_model_config_id_fkey FOREIGN KEY (model_config_id) REFERENCES public.model_configs(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.backtests
    ADD CONSTRAINT backtests_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mails
    ADD CONSTRAINT mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.model_configs
    ADD CONSTRAINT model_configs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.order_fills
    ADD CONSTRAINT order_fills_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_replacements
    ADD CONSTRAINT order_replacements_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.position_history
    ADD CONSTRAINT position_history_account_id_symbol_fkey FOREIGN KEY (account_id, symbol) REFERENCES public.positions(account_id, symbol);

ALTER TABLE ONLY public.positions
    ADD CONSTRAINT positions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.revoked_tokens
    ADD CONSTRAINT revoked_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transactions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE public.account_settings ENABLE ROW LEVEL SECURITY;

CREATE POLICY account_settings_own ON public.account_settings FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY;

CREATE POLICY accounts_own ON public.accounts FOR SELECT TO cift_function USING ((id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.alerts ENABLE ROW LEVEL SECURITY;

CREATE POLICY alerts_own ON public.alerts TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account))) WITH CHECK ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.backtests ENABLE ROW LEVEL SECURITY;

CREATE POLICY backtests_own ON public.backtests TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account))) WITH CHECK ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.model_configs ENABLE ROW LEVEL SECURITY;

CREATE POLICY model_configs_own ON public.model_configs TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account))) WITH CHECK ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.order_fills ENABLE ROW LEVEL SECURITY;

CREATE POLICY order_fills_own ON public.order_fills FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.order_replacements ENABLE ROW LEVEL SECURITY;

CREATE POLICY order_replacements_own ON public.order_replacements FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;

CREATE POLICY orders_own ON public.orders FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.position_history ENABLE ROW LEVEL SECURITY;

CREATE POLICY position_history_own ON public.position_history FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.positions ENABLE ROW LEVEL SECURITY;

CREATE POLICY positions_own ON public.positions FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.transactions ENABLE ROW LEVEL SECURITY;

CREATE POLICY transactions_own ON public.transactions FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

ALTER TABLE public.watchlists ENABLE ROW LEVEL SECURITY;

CREATE POLICY watchlists_own ON public.watchlists FOR SELECT TO cift_function USING ((account_id = ( SELECT public.current_account() AS current_account)));

GRANT USAGE ON SCHEMA public TO cift_function;

GRANT SELECT ON TABLE public.account_settings TO cift_function;

GRANT SELECT ON TABLE public.accounts TO cift_function;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.alerts TO cift_function;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.backtests TO cift_function;

GRANT SELECT ON TABLE public.instrument_details TO cift_function;

GRANT SELECT ON TABLE public.instruments TO cift_function;

GRANT SELECT ON TABLE public.market_data_cache TO cift_function;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.model_configs TO cift_function;

GRANT SELECT ON TABLE public.order_fills TO cift_function;

GRANT SELECT ON TABLE public.order_replacements TO cift_function;

GRANT SELECT ON TABLE public.orders TO cift_function;

GRANT SELECT ON TABLE public.position_history TO cift_function;

GRANT SELECT ON TABLE public.positions TO cift_function;

GRANT SELECT ON TABLE public.position_values TO cift_function;

GRANT SELECT ON TABLE public.projector_offsets TO cift_function;

GRANT SELECT ON TABLE public.trades TO cift_function;

GRANT SELECT ON TABLE public.transactions TO cift_function;

GRANT SELECT ON TABLE public.watchlists TO cift_function;
