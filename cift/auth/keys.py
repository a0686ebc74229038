"""API keys: an id, which finds the row, and a secret, of which only the SHA-256 is stored.

A client sends them as `cift_<id>_<secret>`, or as a pair: Basic, or the headers of Alpaca's clients.
"""

import base64
import hashlib
import os
from datetime import datetime

import asyncpg

from cift.auth import rules, store
from cift.contracts.auth import ApiKeyView, CreatedApiKey, NewApiKey
from cift.contracts.paging import Page, PageRequest, invalid_cursor, make_cursor
from cift.kernel.clock import from_datetime, parse_rfc3339, rfc3339, to_datetime
from cift.kernel.errors import NotFound, Refused
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database

_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # 32 characters: 5 bits each


def new_id_and_secret() -> tuple[str, str]:
    """Id and secret of a new API key. `api_key` joins them."""
    id = "PK" + "".join(_ID_ALPHABET[byte & 31] for byte in os.urandom(18))
    return id, base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def api_key(id: str, secret: str) -> str:
    """The API key as clients send it."""
    return f"cift_{id}_{secret}"


def secret_hash(secret: str) -> bytes:
    """The stored hash of a key's secret. SHA-256 is enough: the secret has 256 random bits."""
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
    """Create an API key. Only this return value holds its secret.

    Raises:
        Refused: `too_many_api_keys`, or the expiry is not a future time.
    """
    expires_at = rules.key_expiry(new)
    id, secret = new_id_and_secret()
    async with database.write() as c:
        if await store.count_live_keys(c, trader.user_id) >= rules.API_KEYS_MAX:
            raise Refused(
                "too_many_api_keys", f"A user has at most {rules.API_KEYS_MAX} API keys: revoke one first"
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
    return CreatedApiKey(**key_view(row).model_dump(), key=api_key(id, secret), secret=secret)


async def list_keys(page: PageRequest, trader: Trader, database: Database) -> Page[ApiKeyView]:
    """The user's API keys, newest first, revoked ones included."""
    after = None
    key = page.after()
    if key is not None:
        at, _, id = key.partition(" ")
        time = parse_rfc3339(at)
        if time is None:
            raise invalid_cursor()
        after = (to_datetime(time), id)
    async with database.write() as c:
        rows = await store.list_keys(c, trader.user_id, after, page.limit + 1)
    cursor = None
    if len(rows) > page.limit:
        rows = rows[: page.limit]
        cursor = make_cursor(f"{rfc3339(from_datetime(rows[-1]['created_at']))} {rows[-1]['id']}")
    return Page(items=[key_view(row) for row in rows], next_cursor=cursor)


async def revoke_key(id: str, trader: Trader, caller: Caller, database: Database, identity: Identity) -> None:
    """Revoke an API key in the database and in every process' cache. Raises NotFound for an unknown key."""
    async with database.write() as c:
        if not await store.revoke_key(c, trader.user_id, id):
            raise NotFound("unknown_api_key", "You have no API key with this id", "id")
        await store.audit(c, "api_key_revoked", caller, user_id=trader.user_id, subject=id)
    await identity.forget_key(id)


def _time(at: datetime | None) -> str | None:
    return rfc3339(from_datetime(at)) if at is not None else None
