-- What people say of the instruments. The engine needs none of it, so it is not in the journal, and no rebuild
-- touches it: a row may be there before its instrument is, and stays when the read model is emptied.

CREATE TABLE instrument_details (
    symbol text PRIMARY KEY CHECK (symbol ~ '^[A-Z0-9./-]{1,16}$'),
    name text CHECK (length(name) BETWEEN 1 AND 100) CHECK (name !~ '[[:cntrl:]]'),
    calendar text CHECK (calendar ~ '^[A-Z0-9/]{1,8}$'),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE instrument_details IS 'What instruments are called and which exchange''s calendar they have, as operators say; null where nobody did. Not of the journal.';
GRANT SELECT ON instrument_details TO cift_function;

-- Of the sample; what an operator says later stands.
INSERT INTO instrument_details (symbol, name) VALUES
    ('AIG', 'American International Group, Inc.'),
    ('BAC', 'Bank of America Corporation'),
    ('IBM', 'International Business Machines Corporation'),
    ('SPY', 'SPDR S&P 500 ETF Trust');
