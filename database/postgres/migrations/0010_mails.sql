-- Mails with a token that works once: a new password, or the proof that an address belongs to a user. The function
-- auth.send_mails creates the token when it sends the mail, so that only its hash is ever stored.
CREATE TABLE mails (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('reset_password', 'verify_email')),
    requested_at timestamptz NOT NULL DEFAULT now(),
    next_try_at timestamptz NOT NULL DEFAULT now(),
    tries integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    token_hash bytea CHECK (length(token_hash) = 32),
    expires_at timestamptz,
    used_at timestamptz
);
CREATE INDEX mails_due_idx ON mails (next_try_at) WHERE sent_at IS NULL;
CREATE INDEX mails_user_idx ON mails (user_id, requested_at DESC);

-- Set by a registration where the exchange sends e-mail: no login until the address is verified.
ALTER TABLE users ADD COLUMN must_verify_email boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;
