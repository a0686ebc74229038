-- Look-alike usernames: `cift.auth.names.skeleton` in SQL. Not unique, because older names may look alike.
CREATE FUNCTION username_skeleton(username text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(replace(translate(lower(username), '01i', 'oll'), 'rn', 'm'), 'vv', 'w');
CREATE INDEX users_skeleton_idx ON users (username_skeleton(username));
