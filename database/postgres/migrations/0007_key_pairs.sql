-- Ids of API keys that clients send beside the secret: PK and 18 characters of base32. Older ids stay valid.
ALTER TABLE api_keys DROP CONSTRAINT api_keys_id_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_id_check CHECK (id ~ '^(PK[A-Z2-7]{18}|[a-z0-9]{12})$');
