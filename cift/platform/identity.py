"""Who is calling: access tokens and API keys, checked once and remembered for a moment.

| credential | checked by | remembered | revoked |
|---|---|---|---|
| access token (JWT) | signature and claims | until it expires | deny list, asked at most 1 s ago |
| API key | SHA-256 of its secret against PostgreSQL | 5 s | at once by Valkey's pub/sub, at most 5 s late |

A revocation is a fact in PostgreSQL (`revoked_tokens`, `api_keys.revoked_at`); Valkey only has it
nearer. **Valkey gone**, or back without its data (the mark `deny:ready` is missing): the deny list is
asked of PostgreSQL instead, and written into Valkey again. Both gone: access tokens are refused with
503 once their verdict is older than a second; nothing is let in unchecked. Known limit: a process cut
off from a Valkey that others still reach is, for tokens revoked through it meanwhile, up to two
seconds behind with the others once it reaches it again.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cift.kernel.errors import CiftError, Forbidden, Unauthenticated
from cift.platform import telemetry
from cift.platform.valkey import Valkey, ValkeyGone

if TYPE_CHECKING:
    from cift.platform.postgres import Database
    from cift.platform.tokens import Claims, Tokens

log = logging.getLogger("cift.identity")

VERDICT_KEPT_S = 1.0
KEY_KEPT_S = 5.0
REMEMBERED_MAX = 20_000
LAST_USED_EVERY_S = 60
REVOKED_CHANNEL = "cift:revoked"
DENY_READY = "deny:ready"
RESTORE_EVERY_S = 1.0
API_KEY = re.compile(r"cift_([a-z0-9]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trader:
    """Who is calling, as a function receives it."""

    user_id: str
    account_id: str
    scopes: frozenset[str]
    credential: str
    """`session` or `key`."""
    credential_id: str
    """Token id of a session, id of an API key."""
    expires_at: int = 0
    """Of a session's token: seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, for the audit log."""

    address: str | None
    user_agent: str | None
    request_id: str


@dataclass(slots=True)
class _Remembered:
    trader: Trader
    good_until: float  # monotonic
    digest: bytes = b""


class Identity:
    """Recognises the credentials of requests in this process."""

    def __init__(
        self, tokens: "Callable[[], Tokens]", database: "Callable[[], Database]", valkey: Valkey
    ) -> None:
        """`tokens` and `database` are asked for when a credential first needs them: who brings none learns
        so from a function that has imported neither cryptography nor a database's client."""
        self._tokens, self._open_database, self._valkey = tokens, database, valkey
        self._sessions: dict[str, _Remembered] = {}
        self._keys: dict[str, _Remembered] = {}
        self._listener: asyncio.Task[None] | None = None
        self._restoring: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.on_revoked: set[Callable[[str | None], None]] = set()
        """Called with the id of a credential that was revoked (of a token, of a key), or with None where
        word of one may have been missed."""

    @property
    def _database(self) -> "Database":
        return self._open_database()

    async def authenticate(self, authorization: str | None, api_key: str | None) -> Trader:
        """The caller of a request with these headers.

        Raises:
            Unauthenticated: no credential, or none that is valid.
            Unavailable: it cannot be checked now.
        """
        if authorization is None and api_key is None:
            raise Unauthenticated(
                "credential_required", "Send an access token (Authorization: Bearer …) or X-API-Key"
            )
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        if authorization is not None:
            if api_key is not None:
                raise Unauthenticated("two_credentials", "Send Authorization or X-API-Key, not both")
            scheme, _, credential = authorization.partition(" ")
            if scheme.lower() != "bearer" or not credential:
                raise Unauthenticated(
                    "invalid_credential", "Authorization must be 'Bearer <token or API key>'"
                )
            if not credential.startswith("cift_"):
                return await self._session(credential)
            api_key = credential
        assert api_key is not None
        return await self._key(api_key)

    async def confirm(self, trader: Trader) -> None:
        """Ask again whether a credential that was recognised before is still good: for those who keep a
        connection open.

        Raises:
            Unauthenticated: it is not.
            Unavailable: it cannot be checked now.
        """
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        if trader.credential == "session":
            if time.time() >= trader.expires_at:
                raise Unauthenticated("token_expired", "The access token has expired; refresh it")
            if await self._denied(trader.credential_id):
                raise Unauthenticated("token_revoked", "The access token was revoked")
            return
        good = await self._database.fetchval(
            "SELECT EXISTS (SELECT FROM api_keys k JOIN users u ON u.user_id = k.user_id"
            " WHERE k.id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"
            " AND u.status <> 'disabled')",
            trader.credential_id,
        )
        if not good:
            raise Unauthenticated("api_key_revoked", "The API key was revoked or has expired")

    # ── sessions ────────────────────────────────────────────────────────────────────────────────
    async def _session(self, token: str) -> Trader:
        remembered = self._sessions.get(token)
        if remembered is not None:
            if time.time() >= remembered.trader.expires_at:
                del self._sessions[token]
                raise Unauthenticated("token_expired", "The access token has expired; refresh it")
            if time.monotonic() < remembered.good_until:
                return remembered.trader
            trader = remembered.trader
        else:
            from cift.platform.tokens import InvalidToken

            try:
                claims = self._tokens().verify(token)
            except InvalidToken as invalid:
                log.info("access token refused", extra={"reason": str(invalid)})
                code = "token_expired" if "ExpiredSignature" in str(invalid) else "invalid_token"
                raise Unauthenticated(code, "The access token is not valid (any more)") from None
            trader = _trader(claims)
        if await self._denied(trader.credential_id):
            self._sessions.pop(token, None)
            raise Unauthenticated("token_revoked", "The access token was revoked")
        if len(self._sessions) >= REMEMBERED_MAX:
            self._sessions.clear()  # all are verified again: dear, but bounded and never wrong
        self._sessions[token] = _Remembered(trader, time.monotonic() + VERDICT_KEPT_S)
        return trader

    async def _denied(self, token_id: str) -> bool:
        try:
            denied, ready = await self._valkey.ask(self._valkey.client.mget(f"deny:{token_id}", DENY_READY))
            if denied or ready:
                return bool(denied)
            self._restore_later()  # an empty Valkey knows nothing: it must not say "not denied"
        except ValkeyGone:
            telemetry.valkey_gone.labels("deny_list").inc()
        return bool(
            await self._database.fetchval(
                "SELECT EXISTS (SELECT FROM revoked_tokens WHERE jti = $1)", token_id
            )
        )

    # ── API keys ────────────────────────────────────────────────────────────────────────────────
    async def _key(self, api_key: str) -> Trader:
        found = API_KEY.fullmatch(api_key)
        if found is None:
            raise Unauthenticated("invalid_api_key", "The API key is not valid")
        key_id = found[1]
        digest = hashlib.sha256(found[2].encode()).digest()
        remembered = self._keys.get(key_id)
        if remembered is not None and time.monotonic() < remembered.good_until:
            if not hmac.compare_digest(remembered.digest, digest):
                raise Unauthenticated("invalid_api_key", "The API key is not valid")
            return remembered.trader
        row = await self._database.fetchrow(
            "SELECT k.secret_hash, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, "
            " u.user_id::text AS user_id, u.account_id::text AS account_id, u.status"
            " FROM api_keys k JOIN users u ON u.user_id = k.user_id WHERE k.id = $1",
            key_id,
        )
        # Compared in any case, so that an unknown id takes as long as a wrong secret.
        same = hmac.compare_digest(row["secret_hash"] if row else bytes(32), digest)
        now = datetime.now(UTC)
        if row is None or not same or row["status"] == "disabled":
            raise Unauthenticated("invalid_api_key", "The API key is not valid")
        if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
            self._keys.pop(key_id, None)
            raise Unauthenticated("api_key_revoked", "The API key was revoked or has expired")
        trader = Trader(row["user_id"], row["account_id"], frozenset(row["scopes"]), "key", key_id)
        kept = KEY_KEPT_S
        if row["expires_at"] is not None:
            kept = min(kept, (row["expires_at"] - now).total_seconds())
        if len(self._keys) >= REMEMBERED_MAX:
            self._keys.clear()
        self._keys[key_id] = _Remembered(trader, time.monotonic() + kept, digest)
        last = row["last_used_at"]
        if last is None or (now - last).total_seconds() > LAST_USED_EVERY_S:
            task = asyncio.create_task(self._used(key_id))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        return trader

    async def _used(self, key_id: str) -> None:
        try:
            await self._database.execute("UPDATE api_keys SET last_used_at = now() WHERE id = $1", key_id)
        except Exception:
            log.warning("last_used_at of an API key was not written", exc_info=True)

    # ── revocation ──────────────────────────────────────────────────────────────────────────────
    async def forget_session(self, token_id: str, expires_at: int) -> None:
        """Have every process refuse this token from now on. The fact must be in PostgreSQL already."""
        for token, remembered in tuple(self._sessions.items()):
            if remembered.trader.credential_id == token_id:
                del self._sessions[token]
        left = max(1, int(expires_at - time.time()) + 60)
        try:
            await self._valkey.ask(self._valkey.client.set(f"deny:{token_id}", b"1", ex=left))
            await self._valkey.ask(self._valkey.client.publish(REVOKED_CHANNEL, f"session {token_id}"))
        except ValkeyGone:
            telemetry.valkey_gone.labels("deny_list").inc()
            self._restore_later()

    async def forget_key(self, key_id: str) -> None:
        """Have every process look this API key up again."""
        self._keys.pop(key_id, None)
        await announce_revoked_key(self._valkey, key_id)

    async def restore_deny_list(self) -> int:
        """Write the unexpired revocations of PostgreSQL into Valkey, and the mark that it has them.

        Raises ValkeyGone or Unavailable; returns how many there are."""
        rows = await self._database.fetch(
            "SELECT jti::text AS jti, extract(epoch FROM expires_at - now())::int + 60 AS left"
            " FROM revoked_tokens WHERE expires_at > now() - interval '1 minute'"
        )
        for row in rows:
            await self._valkey.ask(
                self._valkey.client.set(f"deny:{row['jti']}", b"1", ex=max(1, row["left"]))
            )
        await self._valkey.ask(self._valkey.client.set(DENY_READY, b"1"))
        return len(rows)

    def _restore_later(self) -> None:
        if self._restoring is None or self._restoring.done():
            self._restoring = asyncio.create_task(self._restore())

    async def _restore(self) -> None:
        while True:
            try:
                count = await self.restore_deny_list()
            except (ValkeyGone, CiftError):
                await asyncio.sleep(RESTORE_EVERY_S)
                continue
            log.info("deny list written to Valkey", extra={"tokens": count})
            return

    async def _listen(self) -> None:
        async for message in self._valkey.listen(REVOKED_CHANNEL):
            if message is None:
                self._keys.clear()  # something may have been missed
                self._sessions.clear()
                self._tell_revoked(None)
                continue
            kind, _, id = message.decode("ascii", "replace").partition(" ")
            self._tell_revoked(id)
            if kind == "key":
                self._keys.pop(id, None)
            else:
                for token, remembered in tuple(self._sessions.items()):
                    if remembered.trader.credential_id == id:
                        del self._sessions[token]

    def _tell_revoked(self, credential_id: str | None) -> None:
        for call in tuple(self.on_revoked):
            call(credential_id)

    async def close(self) -> None:
        for task in (self._listener, self._restoring):
            if task is not None:
                task.cancel()


async def announce_revoked_key(valkey: Valkey, key_id: str) -> None:
    """Tell every process of a key that PostgreSQL has as revoked. Without Valkey they learn it themselves,
    seconds later."""
    try:
        await valkey.ask(valkey.client.publish(REVOKED_CHANNEL, f"key {key_id}"))
    except ValkeyGone:
        telemetry.valkey_gone.labels("deny_list").inc()


def _trader(claims: "Claims") -> Trader:
    return Trader(
        claims.user_id, claims.account_id, claims.scopes, "session", claims.token_id, claims.expires_at
    )


def require(trader: Trader, scope: str) -> None:
    """Raises Forbidden where the caller's credential does not have `scope`; `session` means an access
    token, whatever its scopes; `admin` an operator's API key, never an access token."""
    if scope == "admin" and trader.credential != "key":
        raise Forbidden("scope_required", "This needs an operator's API key; an access token will not do")
    if scope == "session":
        if trader.credential != "session":
            raise Forbidden("session_required", "This needs an access token; an API key will not do")
    elif scope not in trader.scopes:
        raise Forbidden("scope_required", f"The credential does not have the scope '{scope}'")
