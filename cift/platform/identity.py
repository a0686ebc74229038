"""Authentication: access tokens and API keys are checked, and the result is cached for a short time.

| credential | checked by | cached | revocation |
|---|---|---|---|
| access token (JWT) | signature and claims | until it expires | deny list, read at most 1 s ago |
| API key | SHA-256 of its secret, in PostgreSQL | 5 s | at once by Valkey's pub/sub, at most 5 s late |
| its user | `users.status`, in PostgreSQL | 2 s (keys: 5 s) | disabled or deleted: the same |

PostgreSQL stores revocations (`revoked_tokens`, `api_keys.revoked_at`); Valkey only caches them. If Valkey
is unavailable, or came back without its data (the key `deny:ready` is missing), the deny list is read from
PostgreSQL and written to Valkey again. If both are unavailable, access tokens whose last check is older
than a second are refused with 503; no credential is accepted unchecked. While PostgreSQL alone is
unavailable, no user can be disabled, and access tokens are checked with the deny list only. Known limit:
after a process alone lost its connection to Valkey, it is up to two seconds late, after its reconnect, with
tokens that were revoked meanwhile.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cift.kernel.errors import CiftError, Forbidden, Unauthenticated, Unavailable
from cift.platform import telemetry
from cift.platform.valkey import Valkey, ValkeyUnavailable

if TYPE_CHECKING:
    from cift.platform.postgres import Database
    from cift.platform.tokens import Claims, Verifier

log = logging.getLogger("cift.identity")

DENIED_CACHED_S = 1.0
KEY_CACHED_S = 5.0
UNKNOWN_CACHED_S = 2.0
USER_CACHED_S = 2.0
USER_TIMEOUT_S = 1.0
CACHED_MAX = 20_000
LAST_USED_EVERY_S = 60
REVOKED_CHANNEL = "cift:revoked"
DENY_READY = "deny:ready"
RESTORE_EVERY_S = 1.0
KEY_ID = r"PK[A-Z2-7]{18}|[a-z0-9]{12}"
"""The id of an API key; those of lower case were issued by earlier versions."""
API_KEY = re.compile(rf"cift_({KEY_ID})_([A-Za-z0-9_-]{{43}})", re.ASCII)
_PAIR = re.compile(rf"({KEY_ID}) ([A-Za-z0-9_-]{{43}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trader:
    """The authenticated caller, as a function receives it."""

    user_id: str
    account_id: str
    scopes: frozenset[str]
    credential: str
    """`session` or `key`."""
    credential_id: str
    """Token id of a session, id of an API key."""
    expires_at: int = 0
    """The expiry of a session's token, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The origin of a request, for the audit log."""

    address: str | None
    user_agent: str | None
    request_id: str


@dataclass(slots=True)
class _Cached:
    trader: Trader
    valid_until: float  # monotonic
    digest: bytes = b""


class Identity:
    """Checks the credentials of requests in this process."""

    def __init__(
        self, tokens: "Callable[[], Verifier]", database: "Callable[[], Database]", valkey: Valkey
    ) -> None:
        """`tokens` and `database` are called when a credential first needs them, so that refusing a request
        without a credential imports neither cryptography nor the database client."""
        self._tokens, self._open_database, self._valkey = tokens, database, valkey
        self._sessions: dict[str, _Cached] = {}
        self._keys: dict[str, _Cached] = {}
        self._unknown: dict[str, float] = {}
        """Ids of API keys that do not exist → monotonic time until which that is not checked again."""
        self._users: dict[str, float] = {}
        """Users that are not disabled → monotonic time until which that is not checked again."""
        self._subscriber: asyncio.Task[None] | None = None
        self._restoring: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.on_revoked: set[Callable[[str | None], None]] = set()
        """Called with the id of a revoked token or API key, or of a changed user; with None if a revocation
        may have been missed."""

    @property
    def _database(self) -> "Database":
        return self._open_database()

    async def authenticate(
        self, authorization: str | None, api_key: str | None, pair: tuple[str, str] | None = None
    ) -> Trader:
        """The caller of a request with these headers: `Authorization` (Bearer or Basic), `X-API-Key`, or the
        id and the secret of an API key.

        Raises:
            Unauthenticated: the credential is missing or not valid.
            Unavailable: it cannot be checked now.
        """
        if authorization is None and api_key is None and pair is None:
            raise Unauthenticated(
                "credential_required", "Send an access token (Authorization: Bearer …) or X-API-Key"
            )
        if self._subscriber is None:
            self._subscriber = asyncio.create_task(self._follow_revocations())
        if sum(each is not None for each in (authorization, api_key, pair)) > 1:
            raise Unauthenticated("two_credentials", "Send Authorization or X-API-Key, not both")
        if authorization is not None:
            scheme, _, credential = authorization.partition(" ")
            if scheme.lower() == "basic" and credential:
                return await self._key_pair(*_decoded(credential))
            if scheme.lower() != "bearer" or not credential:
                raise Unauthenticated(
                    "invalid_credential", "Authorization must be 'Bearer <token or API key>'"
                )
            if not credential.startswith("cift_"):
                return await self._session(credential)
            api_key = credential
        if pair is not None:
            return await self._key_pair(*pair)
        assert api_key is not None
        found = API_KEY.fullmatch(api_key)
        if found is None:
            raise _invalid_key()
        return await self._key(found[1], found[2])

    async def _key_pair(self, key_id: str, secret: str) -> Trader:
        found = _PAIR.fullmatch(f"{key_id} {secret}")
        if found is None:
            raise _invalid_key()
        return await self._key(found[1], found[2])

    async def confirm(self, trader: Trader) -> None:
        """Check a caller's credential again: for connections that stay open.

        Raises:
            Unauthenticated: the credential is no longer valid.
            Unavailable: it cannot be checked now.
        """
        if self._subscriber is None:
            self._subscriber = asyncio.create_task(self._follow_revocations())
        if trader.credential == "session":
            if time.time() >= trader.expires_at:
                raise Unauthenticated("token_expired", "The access token has expired; refresh it")
            if await self._denied(trader.credential_id):
                raise Unauthenticated("token_revoked", "The access token was revoked")
            self._users.pop(trader.user_id, None)
            await self._check_user(trader.user_id)
            return
        valid = await self._database.fetchval(
            "SELECT EXISTS (SELECT FROM api_keys k JOIN users u ON u.user_id = k.user_id"
            " WHERE k.id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"
            " AND u.status <> 'disabled')",
            trader.credential_id,
        )
        if not valid:
            raise Unauthenticated("api_key_revoked", "The API key was revoked or has expired")

    async def _session(self, token: str) -> Trader:
        cached = self._sessions.get(token)
        if cached is not None:
            if time.time() >= cached.trader.expires_at:
                del self._sessions[token]
                raise Unauthenticated("token_expired", "The access token has expired; refresh it")
            if time.monotonic() < cached.valid_until:
                return cached.trader
            trader = cached.trader
        else:
            from cift.platform.tokens import InvalidToken

            try:
                claims = self._tokens().verify(token)
            except InvalidToken as invalid:
                log.info("access token refused", extra={"reason": str(invalid)})
                code = "token_expired" if "ExpiredSignature" in str(invalid) else "invalid_token"
                raise Unauthenticated(code, "The access token is not valid, or has expired") from None
            trader = _trader(claims)
        if await self._denied(trader.credential_id):
            self._sessions.pop(token, None)
            raise Unauthenticated("token_revoked", "The access token was revoked")
        await self._check_user(trader.user_id)
        if len(self._sessions) >= CACHED_MAX:
            self._sessions.clear()  # all tokens are verified again: slow, but correct and bounded
        self._sessions[token] = _Cached(trader, time.monotonic() + DENIED_CACHED_S)
        return trader

    async def _check_user(self, user_id: str) -> None:
        """Raises Unauthenticated if the user was disabled or deleted, in whatever way."""
        if self._users.get(user_id, 0.0) > time.monotonic():
            return
        try:
            has_access = await asyncio.wait_for(
                self._database.fetchval(
                    "SELECT EXISTS (SELECT FROM users WHERE user_id = $1 AND status <> 'disabled')", user_id
                ),
                USER_TIMEOUT_S,
            )
        except (Unavailable, TimeoutError):
            has_access = True  # the deny list has just been read
        if not has_access:
            raise Unauthenticated("user_disabled", "The user of this credential was disabled or deleted")
        if len(self._users) >= CACHED_MAX:
            self._users.clear()
        self._users[user_id] = time.monotonic() + USER_CACHED_S

    async def _denied(self, token_id: str) -> bool:
        try:
            denied, ready = await self._valkey.run(self._valkey.client.mget(f"deny:{token_id}", DENY_READY))
            if denied or ready:
                return bool(denied)
            self._restore_later()  # Valkey lost its data, so a missing key does not mean "not denied"
        except ValkeyUnavailable:
            telemetry.valkey_gone.labels("deny_list").inc()
        return bool(
            await self._database.fetchval(
                "SELECT EXISTS (SELECT FROM revoked_tokens WHERE jti = $1)", token_id
            )
        )

    async def _key(self, key_id: str, secret: str) -> Trader:
        digest = hashlib.sha256(secret.encode()).digest()
        cached = self._keys.get(key_id)
        if cached is not None and time.monotonic() < cached.valid_until:
            if not hmac.compare_digest(cached.digest, digest):
                raise _invalid_key()
            return cached.trader
        now_s = time.monotonic()
        if self._unknown.get(key_id, 0.0) > now_s:
            raise _invalid_key()
        row = await self._database.fetchrow(
            "SELECT k.secret_hash, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, "
            " u.user_id::text AS user_id, u.account_id::text AS account_id, u.status"
            " FROM api_keys k JOIN users u ON u.user_id = k.user_id WHERE k.id = $1",
            key_id,
        )
        # Always compared, so that an unknown id takes as long as a wrong secret.
        same = hmac.compare_digest(row["secret_hash"] if row else bytes(32), digest)
        now = datetime.now(UTC)
        if row is None:
            if len(self._unknown) >= CACHED_MAX:
                self._unknown.clear()
            self._unknown[key_id] = now_s + UNKNOWN_CACHED_S
        if row is None or row["status"] == "disabled":
            raise _invalid_key()
        if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
            if not same:
                raise _invalid_key()
            self._keys.pop(key_id, None)
            raise Unauthenticated("api_key_revoked", "The API key was revoked or has expired")
        trader = Trader(row["user_id"], row["account_id"], frozenset(row["scopes"]), "key", key_id)
        cached_s = KEY_CACHED_S
        if row["expires_at"] is not None:
            cached_s = min(cached_s, (row["expires_at"] - now).total_seconds())
        if len(self._keys) >= CACHED_MAX:
            self._keys.clear()
        # Kept even if this secret was wrong: the next one is compared without a query.
        self._keys[key_id] = _Cached(trader, time.monotonic() + cached_s, bytes(row["secret_hash"]))
        if not same:
            raise _invalid_key()
        last = row["last_used_at"]
        if last is None or (now - last).total_seconds() > LAST_USED_EVERY_S:
            task = asyncio.create_task(self._record_use(key_id))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        return trader

    async def _record_use(self, key_id: str) -> None:
        try:
            await self._database.execute("UPDATE api_keys SET last_used_at = now() WHERE id = $1", key_id)
        except Exception:
            log.warning("last_used_at of an API key was not written", exc_info=True)

    async def forget_session(self, token_id: str, expires_at: int) -> None:
        """Make every process refuse this token from now on. PostgreSQL must have the revocation already."""
        for token, cached in tuple(self._sessions.items()):
            if cached.trader.credential_id == token_id:
                del self._sessions[token]
        left = max(1, int(expires_at - time.time()) + 60)
        try:
            await self._valkey.run(self._valkey.client.set(f"deny:{token_id}", b"1", ex=left))
            await self._valkey.run(self._valkey.client.publish(REVOKED_CHANNEL, f"session {token_id}"))
        except ValkeyUnavailable:
            telemetry.valkey_gone.labels("deny_list").inc()
            self._restore_later()

    async def forget_key(self, key_id: str) -> None:
        """Make every process look this API key up again."""
        self._keys.pop(key_id, None)
        await announce_revoked_key(self._valkey, key_id)

    async def forget_user(self, user_id: str) -> None:
        """Make every process check this user, and all its credentials, again."""
        self._forget_user(user_id)
        try:
            await self._valkey.run(self._valkey.client.publish(REVOKED_CHANNEL, f"user {user_id}"))
        except ValkeyUnavailable:
            telemetry.valkey_gone.labels("deny_list").inc()

    def _forget_user(self, user_id: str) -> None:
        self._users.pop(user_id, None)
        for credentials in (self._keys, self._sessions):
            for name, cached in tuple(credentials.items()):
                if cached.trader.user_id == user_id:
                    del credentials[name]

    async def restore_deny_list(self) -> int:
        """Write the unexpired revocations of PostgreSQL to Valkey, then the key `deny:ready`; returns their
        number.

        Raises:
            ValkeyUnavailable, Unavailable: one of the two stores does not respond.
        """
        rows = await self._database.fetch(
            "SELECT jti::text AS jti, extract(epoch FROM expires_at - now())::int + 60 AS left"
            " FROM revoked_tokens WHERE expires_at > now() - interval '1 minute'"
        )
        for row in rows:
            await self._valkey.run(
                self._valkey.client.set(f"deny:{row['jti']}", b"1", ex=max(1, row["left"]))
            )
        await self._valkey.run(self._valkey.client.set(DENY_READY, b"1"))
        return len(rows)

    def _restore_later(self) -> None:
        if self._restoring is None or self._restoring.done():
            self._restoring = asyncio.create_task(self._restore())

    async def _restore(self) -> None:
        while True:
            try:
                count = await self.restore_deny_list()
            except (ValkeyUnavailable, CiftError):
                await asyncio.sleep(RESTORE_EVERY_S)
                continue
            log.info("deny list written to Valkey", extra={"tokens": count})
            return

    async def _follow_revocations(self) -> None:
        async for message in self._valkey.subscribe(REVOKED_CHANNEL):
            if message is None:
                self._keys.clear()  # a revocation may have been missed
                self._sessions.clear()
                self._users.clear()
                self._notify_revoked(None)
                continue
            kind, _, id = message.decode("ascii", "replace").partition(" ")
            if kind == "user":
                self._forget_user(id)
            self._notify_revoked(id)
            if kind == "key":
                self._keys.pop(id, None)
            else:
                for token, cached in tuple(self._sessions.items()):
                    if cached.trader.credential_id == id:
                        del self._sessions[token]

    def _notify_revoked(self, credential_id: str | None) -> None:
        for call in tuple(self.on_revoked):
            call(credential_id)

    async def close(self) -> None:
        for task in (self._subscriber, self._restoring):
            if task is not None:
                task.cancel()


async def announce_revoked_key(valkey: Valkey, key_id: str) -> None:
    """Notify every process of a key that is revoked in PostgreSQL. Without Valkey they notice by themselves
    after at most KEY_CACHED_S."""
    try:
        await valkey.run(valkey.client.publish(REVOKED_CHANNEL, f"key {key_id}"))
    except ValkeyUnavailable:
        telemetry.valkey_gone.labels("deny_list").inc()


def _invalid_key() -> Unauthenticated:
    return Unauthenticated("invalid_api_key", "The API key is not valid")


def _decoded(basic: str) -> tuple[str, str]:
    """Name and password of the scheme Basic (RFC 7617)."""
    try:
        name, _, password = base64.b64decode(basic, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _invalid_key() from None
    return name, password


def _trader(claims: "Claims") -> Trader:
    return Trader(
        claims.user_id, claims.account_id, claims.scopes, "session", claims.token_id, claims.expires_at
    )


def require(trader: Trader, scope: str) -> None:
    """Raises Forbidden if the caller's credential does not have `scope`. `session` means an access token with
    any scopes; `admin` means an administrator's API key, never an access token."""
    if scope == "admin" and trader.credential != "key":
        raise Forbidden("scope_required", "This needs an administrator's API key, not an access token")
    if scope == "session":
        if trader.credential != "session":
            raise Forbidden("session_required", "This needs an access token, not an API key")
    elif scope not in trader.scopes:
        raise Forbidden("scope_required", f"The credential does not have the scope '{scope}'")
