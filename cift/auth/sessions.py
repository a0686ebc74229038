"""Sessions: login, refresh, logout.

A login starts a family of refresh tokens. Each token works once and is exchanged for its successor. Only
hashes are stored. A second use means that the token was stolen, or that the client repeated a request whose
answer was lost. These cannot be distinguished, so both revoke the family and the user logs in again.
"""

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from cift.auth import mail_store, rules, store
from cift.auth.attempts import attempts
from cift.auth.opening import complete_account
from cift.auth.passwords import verify_password
from cift.contracts.auth import Login, LogoutRequest, RefreshRequest, TokenPair
from cift.kernel.clock import to_datetime
from cift.kernel.errors import CiftError, Forbidden, NotFound, Unauthenticated
from cift.kernel.ids import uuid7
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Connection, Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens

_REFRESH = re.compile(
    r"cift_rt_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Login and refresh, with the stores they need."""

    database: Database
    engine: Engine
    identity: Identity
    tokens: Tokens
    settings: Settings

    async def login(self, login: Login, caller: Caller) -> TokenPair:
        """Start a session.

        Raises:
            Unauthenticated: `invalid_login`; the same for an unknown user and a wrong password.
            RateLimited: too many wrong passwords for this name.
            Forbidden: `email_not_verified`.
        """
        name = rules.login_name(login)
        attempts.check(name, caller.address)
        async with self.database.write() as c:
            user = await store.user_by_name(c, name)
        matches = await verify_password(
            login.password,
            user["password_hash"] if user else None,
            self.settings.bcrypt_rounds,
            is_known=attempts.is_known(name, caller.address),
        )
        if user is None or not matches or user["status"] == "disabled":
            async with self.database.write() as c:
                await store.audit(
                    c, "login_failed", caller, user_id=user["user_id"] if user else None, subject=name
                )
            attempts.failed(name)
            raise _invalid_login()
        if user["is_unverified"]:
            async with self.database.write() as c:
                await mail_store.request_mail(c, user["user_id"], "verify_email")
            raise Forbidden(
                "email_not_verified", "Verify your e-mail address first: a mail with a token was sent to it"
            )
        if user["status"] == "pending":
            try:
                await complete_account(user["user_id"], self.database, self.engine)
            except CiftError:
                pass  # the user may log in without an open account; `complete_registrations` tries again
        async with self.database.write() as c:
            pair = await self._start(c, user, name, caller)
        attempts.succeeded(name, caller.address)
        return pair

    async def login_demo(self, caller: Caller) -> TokenPair:
        """Start a session of the demonstration account, without a password.

        Raises:
            NotFound: `no_demo_account`: this exchange has none, or the caller is on another machine.
        """
        name = self.settings.demo_user
        user = None
        if name and not self.settings.behind_gateway and rules.is_loopback(caller.address):
            async with self.database.write() as c:
                user = await store.user_by_name(c, name)
        if user is None or user["status"] == "disabled":
            raise NotFound("no_demo_account", "This exchange has no demonstration account: log in")
        async with self.database.write() as c:
            return await self._start(c, user, user["username"], caller)

    async def refresh(
        self, request: RefreshRequest, caller: Caller, *, repeat_within_s: int = 0
    ) -> TokenPair:
        """Exchange a refresh token for the next pair of tokens of its session.

        Args:
            repeat_within_s: a token that was used at most this long ago works again, if its session was not
                ended: the response to its first use may be lost.

        Raises:
            Unauthenticated: `invalid_refresh_token`, or `refresh_token_reused`, which ends the session.
        """
        found = _REFRESH.fullmatch(request.refresh_token)
        if found is None:
            raise _invalid()
        revoked: list[asyncpg.Record] = []
        async with self.database.write() as c:
            row = await store.lock_refresh_token(c, found[1])
            if row is None or not hmac.compare_digest(row["token_hash"], _hash(found[2])):
                raise _invalid()
            was_used = row["used_at"] is not None
            may_repeat = (
                was_used and row["revoked_at"] is None and rules.is_recent(row["used_at"], repeat_within_s)
            )
            reused = was_used and not may_repeat
            if reused:
                revoked = await store.revoke_family(c, row["family"])
                await store.audit(c, "refresh_reused", caller, user_id=row["user_id"], family=row["family"])
            else:
                if row["revoked_at"] is not None or rules.has_expired(row["expires_at"]):
                    raise _invalid()
                user = await store.lock_user(c, row["user_id"])
                if user is None or user["status"] == "disabled":
                    raise _invalid()
                await store.use_refresh_token(c, found[1])
                pair = await self._issue(c, user, caller, family=row["family"])
        if reused:
            await forget(revoked, self.identity)
            raise Unauthenticated(
                "refresh_token_reused",
                "This refresh token was used before, so its session was ended: log in again",
            )
        return pair

    async def _start(self, c: Connection, checked: asyncpg.Record, name: str, caller: Caller) -> TokenPair:
        """Start a session of a user that was just checked, unless password or status changed meanwhile."""
        user = await store.lock_user(c, checked["user_id"])
        if user is None or user["status"] == "disabled" or user["password_hash"] != checked["password_hash"]:
            raise _invalid_login()
        pair = await self._issue(c, user, caller, family=uuid7())
        await store.touch_login(c, user["user_id"])
        await store.audit(c, "login", caller, user_id=user["user_id"], subject=name)
        return pair

    async def _issue(self, c: Connection, user: asyncpg.Record, caller: Caller, *, family: str) -> TokenPair:
        access, access_id, access_expires = self.tokens.sign(user["user_id"], user["account_id"])
        refresh_id = uuid7()
        secret = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
        await store.insert_refresh_token(
            c,
            id=refresh_id,
            family=family,
            user_id=user["user_id"],
            token_hash=_hash(secret),
            expires_at=datetime.now(UTC) + timedelta(seconds=self.settings.refresh_token_s),
            access_jti=access_id,
            access_expires_at=to_datetime(access_expires * 10**9),
            caller=caller,
        )
        return TokenPair(
            access_token=access,
            refresh_token=f"cift_rt_{refresh_id}_{secret}",
            expires_in=self.tokens.lifetime_s,
        )


async def end(refresh_token: str, caller: Caller, database: Database, identity: Identity) -> None:
    """End the session of a refresh token. An unknown token changes nothing."""
    found = _REFRESH.fullmatch(refresh_token)
    if found is None:
        return
    async with database.write() as c:
        row = await store.lock_refresh_token(c, found[1])
        if row is None or not hmac.compare_digest(row["token_hash"], _hash(found[2])):
            return
        revoked = await store.revoke_family(c, row["family"])
        await store.audit(c, "logout", caller, user_id=row["user_id"])
    await forget(revoked, identity)


async def logout(
    request: LogoutRequest | None, trader: Trader, caller: Caller, database: Database, identity: Identity
) -> None:
    """End the session of the access token, and that of the refresh token if one is given."""
    async with database.write() as c:
        families = [await store.family_of_access_token(c, trader.credential_id)]
        found = _REFRESH.fullmatch((request.refresh_token if request else None) or "")
        if found is not None:
            row = await store.lock_refresh_token(c, found[1])
            if row and row["user_id"] == trader.user_id:
                families.append(row["family"])
        expires = to_datetime(trader.expires_at * 10**9)
        await store.revoke_access_token(c, trader.credential_id, trader.user_id, expires)
        revoked: list[asyncpg.Record] = []
        for family in {family for family in families if family}:
            revoked += await store.revoke_family(c, family)
        await store.audit(c, "logout", caller, user_id=trader.user_id)
    await identity.forget_session(trader.credential_id, trader.expires_at)
    await forget(revoked, identity)


async def forget(revoked: list[asyncpg.Record], identity: Identity) -> None:
    """Announce access tokens that `store.revoke_family` has revoked."""
    for row in revoked:
        await identity.forget_session(row["jti"], row["expires_at"])


def _hash(secret: str) -> bytes:
    """SHA-256 of a token's secret. A slow hash protects guessable secrets; this one has 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def _invalid_login() -> Unauthenticated:
    return Unauthenticated("invalid_login", "Unknown username or email, or wrong password")


def _invalid() -> Unauthenticated:
    return Unauthenticated(
        "invalid_refresh_token", "The refresh token is unknown, expired or revoked: log in again"
    )
