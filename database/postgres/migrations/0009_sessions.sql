-- Where a session was used from, so that its owner recognizes it in the list of sessions.
ALTER TABLE refresh_tokens ADD COLUMN address inet;
ALTER TABLE refresh_tokens ADD COLUMN user_agent text CHECK (length(user_agent) <= 256);
