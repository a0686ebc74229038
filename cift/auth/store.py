"""SQL of users, sessions, API keys and the audit log. `c` is a connection of `Database.write`."""

import ipaddress
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from cift.platform.identity import Caller
from cift.platform.postgres import Connection

_USER = (
    "user_id::text AS user_id, email, username, password_hash,"
    " account_id::text AS account_id, status, created_at,"
    " must_verify_email AND email_verified_at IS NULL AS is_unverified"
)
_KEY = "id, name, scopes, created_at, expires_at, last_used_at, revoked_at"

Row = asyncpg.Record


async def insert_user(
    c: Connection, user_id: str, email: str, username: str, password_hash: str, account_id: str
) -> Row | None:
    """The new user, or None if the email or username is taken, in any case."""
    return await c.fetchrow(
        "INSERT INTO users (user_id, email, username, password_hash, account_id) VALUES ($1, $2, $3, $4, $5)"
        f" ON CONFLICT DO NOTHING RETURNING {_USER}",
        user_id,
        email,
        username,
        password_hash,
        account_id,
    )


async def looks_like_another(c: Connection, username: str) -> bool:
    """Whether a user has a name that looks like this one. Of simultaneous registrations the second one waits
    for the first."""
    await c.execute("SELECT pg_advisory_xact_lock(hashtext('username ' || username_skeleton($1)))", username)
    return bool(
        await c.fetchval(
            "SELECT EXISTS (SELECT FROM users WHERE username_skeleton(username) = username_skeleton($1))",
            username,
        )
    )


async def email_is_taken(c: Connection, email: str) -> bool:
    return bool(await c.fetchval("SELECT EXISTS (SELECT FROM users WHERE lower(email) = lower($1))", email))


async def user_by_name(c: Connection, name: str) -> Row | None:
    """The user with this username or email. Usernames contain no @."""
    column = "email" if "@" in name else "username"
    return await c.fetchrow(f"SELECT {_USER} FROM users WHERE lower({column}) = lower($1)", name)


async def user_by_id(c: Connection, user_id: str) -> Row | None:
    return await c.fetchrow(f"SELECT {_USER} FROM users WHERE user_id = $1", user_id)


async def activate_user(c: Connection, user_id: str) -> None:
    await c.execute("UPDATE users SET status = 'active' WHERE user_id = $1 AND status = 'pending'", user_id)


async def touch_login(c: Connection, user_id: str) -> None:
    await c.execute("UPDATE users SET last_login_at = now() WHERE user_id = $1", user_id)


async def pending_users(c: Connection, older_than_s: float, limit: int) -> list[Row]:
    """Users whose account is not open yet, oldest first."""
    return await c.fetch(
        f"SELECT {_USER} FROM users"
        " WHERE status = 'pending' AND created_at < now() - make_interval(secs => $1)"
        " ORDER BY created_at LIMIT $2",
        older_than_s,
        limit,
    )


async def insert_refresh_token(
    c: Connection,
    *,
    id: str,
    family: str,
    user_id: str,
    token_hash: bytes,
    expires_at: datetime,
    access_jti: str,
    access_expires_at: datetime,
    caller: Caller,
) -> None:
    await c.execute(
        "INSERT INTO refresh_tokens (id, family, user_id, token_hash, expires_at, access_jti,"
        " access_expires_at, address, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::inet, $9)",
        id,
        family,
        user_id,
        token_hash,
        expires_at,
        access_jti,
        access_expires_at,
        _address(caller.address),
        _plain(caller.user_agent, 256),
    )


async def lock_refresh_token(c: Connection, id: str) -> Row | None:
    """The token's row, locked: of two simultaneous uses the second one sees the first.

    The user's row is locked first, as everywhere: two orders of locks could wait for each other."""
    await c.execute(
        "SELECT FROM users WHERE user_id = (SELECT user_id FROM refresh_tokens WHERE id = $1)"
        " FOR NO KEY UPDATE",
        id,
    )
    return await c.fetchrow(
        "SELECT id::text AS id, family::text AS family, user_id::text AS user_id, token_hash, expires_at,"
        " used_at, revoked_at FROM refresh_tokens WHERE id = $1 FOR UPDATE",
        id,
    )


async def use_refresh_token(c: Connection, id: str) -> None:
    await c.execute("UPDATE refresh_tokens SET used_at = now() WHERE id = $1", id)


async def revoke_family(c: Connection, family: str) -> list[Row]:
    """Revoke the refresh tokens of a session and its valid access tokens. Returns the latter."""
    await c.execute(
        "UPDATE refresh_tokens SET revoked_at = now() WHERE family = $1 AND revoked_at IS NULL", family
    )
    return await c.fetch(
        "INSERT INTO revoked_tokens (jti, user_id, expires_at)"
        " SELECT access_jti, user_id, access_expires_at FROM refresh_tokens"
        " WHERE family = $1 AND access_expires_at > now()"
        " ON CONFLICT (jti) DO UPDATE SET jti = excluded.jti"
        " RETURNING jti::text AS jti, extract(epoch FROM expires_at)::bigint AS expires_at",
        family,
    )


async def live_sessions(c: Connection, user_id: str) -> list[Row]:
    """The user's sessions that can still be refreshed, latest use first."""
    return await c.fetch(
        "SELECT DISTINCT ON (family) family::text AS id, issued_at, host(address) AS address, user_agent"
        " FROM refresh_tokens WHERE user_id = $1 AND used_at IS NULL AND revoked_at IS NULL"
        " AND expires_at > now() ORDER BY family, issued_at DESC",
        user_id,
    )


async def families_of(c: Connection, user_id: str) -> list[str]:
    """The user's sessions of which a token is still valid. The user's row is locked, so that no login is
    between its check of the password and its new session."""
    await lock_user(c, user_id)
    rows = await c.fetch(
        "SELECT DISTINCT family::text AS family FROM refresh_tokens WHERE user_id = $1"
        " AND (revoked_at IS NULL AND expires_at > now() OR access_expires_at > now())",
        user_id,
    )
    return [row["family"] for row in rows]


async def owns_session(c: Connection, user_id: str, family: str) -> bool:
    return bool(
        await c.fetchval(
            "SELECT EXISTS (SELECT FROM refresh_tokens WHERE family = $1 AND user_id = $2)", family, user_id
        )
    )


async def lock_user(c: Connection, user_id: str) -> Row | None:
    """The user's row, locked against a change of its password or status."""
    return await c.fetchrow(f"SELECT {_USER} FROM users WHERE user_id = $1 FOR NO KEY UPDATE", user_id)


async def set_password(c: Connection, user_id: str, password_hash: str) -> None:
    await c.execute("UPDATE users SET password_hash = $2 WHERE user_id = $1", user_id, password_hash)


async def set_status(c: Connection, user_id: str, status: str) -> None:
    await c.execute("UPDATE users SET status = $2 WHERE user_id = $1", user_id, status)


async def revoke_keys_of(c: Connection, user_id: str) -> list[str]:
    """Revoke the user's API keys, except those that a resource of Kubernetes manages. Returns their ids."""
    rows = await c.fetch(
        "UPDATE api_keys SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL"
        " AND managed_by IS NULL RETURNING id",
        user_id,
    )
    return [row["id"] for row in rows]


async def family_of_access_token(c: Connection, jti: str) -> str | None:
    family: str | None = await c.fetchval(
        "SELECT family::text FROM refresh_tokens WHERE access_jti = $1 AND user_id IS NOT NULL LIMIT 1", jti
    )
    return family


async def revoke_access_token(c: Connection, jti: str, user_id: str, expires_at: datetime) -> None:
    await c.execute(
        "INSERT INTO revoked_tokens (jti, user_id, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        jti,
        user_id,
        expires_at,
    )


async def delete_expired_tokens(c: Connection, kept_days: int) -> None:
    """Delete expired tokens. Refresh tokens stay `kept_days` longer, to detect that one is used again."""
    await c.execute(
        "DELETE FROM refresh_tokens WHERE expires_at < now() - make_interval(days => $1)", kept_days
    )
    await c.execute("DELETE FROM revoked_tokens WHERE expires_at < now() - interval '1 hour'")


async def count_live_keys(c: Connection, user_id: str) -> int:
    count: int = await c.fetchval(
        "SELECT count(*) FROM (SELECT FROM users WHERE user_id = $1 FOR UPDATE) u,"
        " api_keys k WHERE k.user_id = $1 AND k.revoked_at IS NULL",
        user_id,
    )
    return count


async def insert_key(
    c: Connection,
    *,
    id: str,
    user_id: str,
    name: str,
    secret_hash: bytes,
    scopes: list[str],
    expires_at: datetime | None = None,
    managed_by: str | None = None,
) -> Row:
    row = await c.fetchrow(
        "INSERT INTO api_keys (id, user_id, name, secret_hash, scopes, expires_at, managed_by)"
        f" VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {_KEY}",
        id,
        user_id,
        name,
        secret_hash,
        scopes,
        expires_at,
        managed_by,
    )
    assert row is not None
    return row


async def list_keys(c: Connection, user_id: str, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
    """The user's keys, newest first, after the position `after`."""
    if after is None:
        return await c.fetch(
            f"SELECT {_KEY} FROM api_keys WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
            user_id,
            limit,
        )
    return await c.fetch(
        f"SELECT {_KEY} FROM api_keys WHERE user_id = $1 AND (created_at, id) < ($2, $3)"
        " ORDER BY created_at DESC, id DESC LIMIT $4",
        user_id,
        *after,
        limit,
    )


async def revoke_key(c: Connection, user_id: str, id: str) -> bool:
    """Revoke a key; a revoked one stays as it is. False if the user has no such key."""
    revoked = await c.fetchval(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 AND user_id = $2"
        " RETURNING true",
        id,
        user_id,
    )
    return bool(revoked)


async def insert_managed_user(
    c: Connection,
    *,
    user_id: str,
    username: str,
    password_hash: str,
    account_id: str,
    managed_by: str,
    managed_as: str,
    managed_in: str,
) -> bool:
    """Insert an active user of a managed account. False if the account has a user, or the name is taken."""
    inserted = await c.fetchval(
        "INSERT INTO users (user_id, email, username, password_hash, account_id, status,"
        " managed_by, managed_as, managed_in)"
        " VALUES ($1, $2 || '@managed.invalid', $2, $3, $4, 'active', $5, $6, $7)"
        " ON CONFLICT DO NOTHING RETURNING true",
        user_id,
        username,
        password_hash,
        account_id,
        managed_by,
        managed_as,
        managed_in,
    )
    return bool(inserted)


async def user_of_account(c: Connection, account_id: str) -> Row | None:
    return await c.fetchrow(
        "SELECT user_id::text AS user_id, status, managed_by::text AS managed_by, managed_as,"
        " managed_in::text AS managed_in FROM users WHERE account_id = $1",
        account_id,
    )


async def take_user(
    c: Connection,
    account_id: str,
    instead_of: str | None,
    *,
    managed_by: str,
    managed_as: str,
    managed_in: str,
) -> bool:
    """Set the account's manager. False if the current one is not `instead_of`."""
    taken = await c.fetchval(
        "UPDATE users SET managed_by = $3, managed_as = $4, managed_in = $5,"
        " status = CASE status WHEN 'pending' THEN 'active' ELSE status END"
        " WHERE account_id = $1 AND managed_by IS NOT DISTINCT FROM $2 AND NOT is_admin RETURNING true",
        account_id,
        instead_of,
        managed_by,
        managed_as,
        managed_in,
    )
    return bool(taken)


async def release_user(c: Connection, managed_by: str) -> str | None:
    """Remove the resource as manager. Returns the id of its account, None if it managed none."""
    account_id: str | None = await c.fetchval(
        "UPDATE users SET managed_by = NULL, managed_as = NULL, managed_in = NULL"
        " WHERE managed_by = $1 RETURNING account_id::text",
        managed_by,
    )
    return account_id


async def managed_users(c: Connection, managed_in: str) -> list[Row]:
    """The accounts that resources of one cluster manage."""
    return await c.fetch(
        "SELECT managed_by::text AS managed_by, managed_as, account_id::text AS account_id"
        " FROM users WHERE managed_in = $1",
        managed_in,
    )


async def managed_under(c: Connection, managed_in: str, managed_as: str) -> list[str]:
    """Uids of the resources with this name that manage an account, deleted ones included."""
    rows = await c.fetch(
        "SELECT managed_by::text AS managed_by FROM users WHERE managed_in = $1 AND managed_as = $2",
        managed_in,
        managed_as,
    )
    return [row["managed_by"] for row in rows]


async def key_by_id(c: Connection, id: str) -> Row | None:
    return await c.fetchrow(
        "SELECT user_id::text AS user_id, secret_hash, scopes, created_at, revoked_at,"
        " managed_by::text AS managed_by FROM api_keys WHERE id = $1",
        id,
    )


async def revoke_managed_keys(
    c: Connection, managed_by: str, keep: str | None, unused_max_s: float
) -> list[str]:
    """Revoke keys of a resource and return their ids.

    All of them if `keep` is None; else those older than `keep` and those older than `unused_max_s`."""
    rows = await c.fetch(
        "UPDATE api_keys SET revoked_at = now() WHERE managed_by = $1 AND revoked_at IS NULL AND ("
        " $2::text IS NULL OR id <> $2 AND (created_at < now() - make_interval(secs => $3)"
        " OR created_at < (SELECT created_at FROM api_keys WHERE id = $2))) RETURNING id",
        managed_by,
        keep,
        unused_max_s,
    )
    return [row["id"] for row in rows]


async def insert_admin(c: Connection, user_id: str, username: str, password_hash: str) -> None:
    """Insert the user that owns the keys with the scope `admin`. It has no account in the engine."""
    await c.execute(
        "INSERT INTO users (user_id, email, username, password_hash, account_id, status, is_admin)"
        " VALUES ($1, $2 || '@admin.invalid', $2, $3, $1, 'active', true)"
        " ON CONFLICT (user_id) DO NOTHING",
        user_id,
        username,
        password_hash,
    )


async def audit(
    c: Connection,
    event: str,
    caller: Caller,
    *,
    user_id: str | None = None,
    subject: str | None = None,
    **detail: Any,
) -> None:
    """Append a row to the audit log. It must not contain a password, a token or a key."""
    await c.execute(
        "INSERT INTO audit_log (event, user_id, subject, address, user_agent, request_id, detail)"
        " VALUES ($1, $2, $3, $4::text::inet, $5, $6, $7::text::jsonb)",
        event,
        user_id,
        _plain(subject, 254),
        _address(caller.address),
        _plain(caller.user_agent, 256),
        caller.request_id,
        orjson.dumps(detail).decode(),
    )


def _address(address: str | None) -> str | None:
    """The address as text of an `inet`, None for a Unix socket."""
    try:
        return str(ipaddress.ip_address((address or "").partition("%")[0]))
    except ValueError:
        return None


def _plain(text: str | None, characters_max: int) -> str | None:
    """The text as PostgreSQL can store it; None if it is empty."""
    return text[:characters_max].replace("\x00", "") or None if text else None
