"""API keys: `cift_<id>_<secret>`; the id finds the row, the SHA-256 of the secret is kept."""

import base64
import hashlib
import os
from datetime import datetime

import asyncpg

from cift.auth import rules, store
from cift.contracts.auth import ApiKeyView, CreatedApiKey, NewApiKey
from cift.contracts.paging import Page, PageRequest, make_cursor
from cift.kernel.clock import from_datetime, parse_rfc3339, rfc3339, to_datetime
from cift.kernel.errors import NotFound, Refused
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database

_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuv"  # 32 characters: 5 bits each


def mint() -> tuple[str, str]:
    """Id and secret of a new API key; together they are the key (`whole_key`)."""
    id = "".join(_ID_ALPHABET[byte & 31] for byte in os.urandom(12))
    return id, base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def whole_key(id: str, secret: str) -> str:
    """The API key, as its user sends it."""
    return f"cift_{id}_{secret}"


def secret_hash(secret: str) -> bytes:
    """What is kept of a key's secret: it has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).digest()


def key_view(row: asyncpg.Record) -> ApiKeyView:
    return ApiKeyView(
        id=row["id"],
        name=row["name"],
        scopes=row["scopes"],
        created_at=rfc3339(from_datetime(row["created_at"])),
        expires_at=_time(row["expires_at"]),
        last_used_at=_time(row["last_used_at"]),
        revoked_at=_time(row["revoked_at"]),
    )


async def create_key(new: NewApiKey, trader: Trader, caller: Caller, database: Database) -> CreatedApiKey:
    """A new API key; its secret is shown here and never again.

    Raises:
        Refused: `too_many_api_keys`, or the expiry is not acceptable.
    """
    expires_at = rules.key_expiry(new)
    id, secret = mint()
    async with database.write() as c:
        if await store.count_live_keys(c, trader.user_id) >= rules.API_KEYS_MAX:
            raise Refused(
                "too_many_api_keys", f"A user has at most {rules.API_KEYS_MAX} API keys; revoke one"
            )
        row = await store.insert_key(
            c,
            id=id,
            user_id=trader.user_id,
            name=new.name,
            secret_hash=secret_hash(secret),
            scopes=sorted(set(new.scopes)),
            expires_at=expires_at,
        )
        await store.audit(
            c, "api_key_created", caller, user_id=trader.user_id, subject=id, scopes=sorted(set(new.scopes))
        )
    return CreatedApiKey(**key_view(row).model_dump(), key=whole_key(id, secret))


async def list_keys(page: PageRequest, trader: Trader, database: Database) -> Page[ApiKeyView]:
    """The user's API keys, newest first, revoked ones too."""
    after = None
    key = page.after()
    if key is not None:
        at, _, id = key.partition(" ")
        time = parse_rfc3339(at)
        if time is None:
            raise Refused("invalid_cursor", "cursor is not one that a page gave", "cursor")
        after = (to_datetime(time), id)
    async with database.write() as c:
        rows = await store.list_keys(c, trader.user_id, after, page.limit + 1)
    cursor = None
    if len(rows) > page.limit:
        rows = rows[: page.limit]
        cursor = make_cursor(f"{rfc3339(from_datetime(rows[-1]['created_at']))} {rows[-1]['id']}")
    return Page(items=[key_view(row) for row in rows], next_cursor=cursor)


async def revoke_key(id: str, trader: Trader, caller: Caller, database: Database, identity: Identity) -> None:
    """Revoke an API key, everywhere, at once. Raises NotFound where the user has no such key."""
    async with database.write() as c:
        if not await store.revoke_key(c, trader.user_id, id):
            raise NotFound("unknown_api_key", "You have no such API key", "id")
        await store.audit(c, "api_key_revoked", caller, user_id=trader.user_id, subject=id)
    await identity.forget_key(id)


def _time(at: datetime | None) -> str | None:
    return rfc3339(from_datetime(at)) if at is not None else None
