-- Names and calendars of instruments, set by administrators. The engine does not need them, so they are not in the
-- journal, and a rebuild does not touch them: a row may exist before its instrument, and stays when the read model is
-- emptied.

CREATE TABLE instrument_details (
    symbol text PRIMARY KEY CHECK (symbol ~ '^[A-Z0-9./-]{1,16}$'),
    name text CHECK (length(name) BETWEEN 1 AND 100) CHECK (name !~ '[[:cntrl:]]'),
    calendar text CHECK (calendar ~ '^[A-Z0-9/]{1,8}$'),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE instrument_details IS 'Name and exchange calendar of instruments, set by administrators; null if not set. Not derived from the journal.';
GRANT SELECT ON instrument_details TO cift_function;

-- The instruments of the sample. An administrator may change them later.
INSERT INTO instrument_details (symbol, name) VALUES
    ('AIG', 'American International Group, Inc.'),
    ('BAC', 'Bank of America Corporation'),
    ('IBM', 'International Business Machines Corporation'),
    ('SPY', 'SPDR S&P 500 ETF Trust');
