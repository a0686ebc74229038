-- Accounts that a TradingAccount resource of Kubernetes manages, and the API keys of administrators.
--
-- Nobody knows the password of a managed user: its API key is in the Secret that the operator maintains.

-- The resource that manages the user's account: its uid, its namespace/name for people, and the uid of the namespace
-- kube-system, so that of two clusters with one database neither deletes the other's users.
ALTER TABLE users
    ADD COLUMN managed_by uuid UNIQUE,
    ADD COLUMN managed_as text CHECK (length(managed_as) BETWEEN 3 AND 320),
    ADD COLUMN managed_in uuid,
    ADD COLUMN is_admin boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT users_managed_wholly
        CHECK (num_nonnulls(managed_by, managed_as, managed_in) IN (0, 3));
CREATE INDEX users_managed_idx ON users (managed_in) WHERE managed_by IS NOT NULL;

-- The resource for which the key was made; null: the user made it.
ALTER TABLE api_keys
    ADD COLUMN managed_by uuid,
    DROP CONSTRAINT api_keys_scopes_check,
    ADD CONSTRAINT api_keys_scopes_check CHECK (
        (scopes <@ ARRAY['read', 'trade', 'funds'] OR scopes = ARRAY['admin'])
        AND cardinality(scopes) BETWEEN 1 AND 3
    );

-- Only keys of administrators have the scope `admin`, and they have no other scope.
CREATE FUNCTION check_admin_scope() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF ('admin' = ANY (NEW.scopes)) IS DISTINCT FROM
        (SELECT is_admin FROM users WHERE user_id = NEW.user_id) THEN
        RAISE EXCEPTION 'the scope admin is for keys of administrators, and must be their only scope';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER api_keys_check_admin_scope BEFORE INSERT OR UPDATE OF scopes, user_id ON api_keys
    FOR EACH ROW EXECUTE FUNCTION check_admin_scope();
