-- Movements of cash by a liquidation: the value of a position that the insurance account took over, and what it paid
-- for an account that owed.
ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check;
ALTER TABLE transactions ADD CONSTRAINT transactions_kind_check CHECK (
    kind IN (
        'deposit', 'withdrawal', 'reset', 'dividend', 'cash_in_lieu', 'liquidation', 'deficit', 'trade', 'fee'
    )
);
