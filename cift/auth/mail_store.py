"""SQL of mails with a token. `c` is a connection of `Database.write`."""

import asyncpg

from cift.kernel.ids import uuid7
from cift.platform.postgres import Connection

Row = asyncpg.Record
MAILS_PER_HOUR_MAX = 3
LIFETIME_S = 3600


async def request_mail(c: Connection, user_id: str, purpose: str) -> None:
    """Have a mail sent, unless the user got enough of them. Managed users and administrators get none."""
    await c.execute(
        "INSERT INTO mails (id, user_id, purpose) SELECT $1, user_id, $3 FROM users u"
        " WHERE user_id = $2 AND managed_by IS NULL AND NOT is_admin AND $4 >"
        " (SELECT count(*) FROM mails m WHERE m.user_id = u.user_id AND m.purpose = $3"
        " AND requested_at > now() - interval '1 hour')",
        uuid7(),
        user_id,
        purpose,
        MAILS_PER_HOUR_MAX,
    )


async def take_due(c: Connection, limit: int, tries_max: int) -> list[Row]:
    """Mails to send now. Each is due again later, each time twice as late, until `set_sent`."""
    return await c.fetch(
        "UPDATE mails m SET tries = tries + 1, next_try_at = now() + interval '30 seconds' * 2 ^ tries"
        " FROM users u WHERE u.user_id = m.user_id AND m.id IN (SELECT id FROM mails WHERE sent_at IS NULL"
        " AND next_try_at <= now() AND tries < $2 ORDER BY next_try_at LIMIT $1 FOR UPDATE SKIP LOCKED)"
        " RETURNING m.id::text AS id, m.purpose, u.email, u.username",
        limit,
        tries_max,
    )


async def set_token(c: Connection, id: str, token_hash: bytes) -> None:
    await c.execute(
        "UPDATE mails SET token_hash = $2, expires_at = now() + make_interval(secs => $3) WHERE id = $1",
        id,
        token_hash,
        LIFETIME_S,
    )


async def set_sent(c: Connection, id: str) -> None:
    await c.execute("UPDATE mails SET sent_at = now() WHERE id = $1", id)


async def lock(c: Connection, id: str, purpose: str) -> Row | None:
    """The mail whose token is valid, locked: of two simultaneous uses one succeeds."""
    return await c.fetchrow(
        "SELECT user_id::text AS user_id, token_hash FROM mails WHERE id = $1 AND purpose = $2"
        " AND token_hash IS NOT NULL AND used_at IS NULL AND expires_at > now() FOR UPDATE",
        id,
        purpose,
    )


async def use_all(c: Connection, user_id: str, purpose: str) -> None:
    """Make all tokens of this purpose that the user has invalid."""
    await c.execute(
        "UPDATE mails SET used_at = now(), sent_at = coalesce(sent_at, now())"
        " WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL",
        user_id,
        purpose,
    )


async def delete_old(c: Connection) -> None:
    await c.execute("DELETE FROM mails WHERE requested_at < now() - interval '7 days'")


async def set_verified(c: Connection, user_id: str) -> None:
    await c.execute(
        "UPDATE users SET email_verified_at = coalesce(email_verified_at, now()) WHERE user_id = $1", user_id
    )


async def require_verified(c: Connection, user_id: str) -> None:
    """Set that the user must verify its address before the first login, and have a mail sent."""
    await c.execute("UPDATE users SET must_verify_email = true WHERE user_id = $1", user_id)
    await request_mail(c, user_id, "verify_email")
