"""What ends a user's access: a new password, logging out everywhere, an administrator who disables it.

Everything is written in one transaction, then announced to all processes (`Identity`).
"""

import asyncpg

from cift.auth import rules, store
from cift.auth.attempts import attempts
from cift.auth.passwords import hash_password, verify_password
from cift.auth.sessions import forget
from cift.contracts.auth import PasswordChange, SessionsView, SessionView
from cift.contracts.users import AdminUser, UserEdit
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.errors import Forbidden, NotFound, Refused, Unauthenticated
from cift.kernel.ids import parse_uuid, time_of_uuid7
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Connection, Database
from cift.platform.settings import Settings


async def change_password(
    change: PasswordChange,
    trader: Trader,
    caller: Caller,
    database: Database,
    identity: Identity,
    settings: Settings,
) -> None:
    """Set a new password, and end all sessions but the one of this request.

    Raises:
        Forbidden: `wrong_password`: the current password is wrong.
        Refused: the new password is not acceptable.
        RateLimited: too many wrong passwords for this user.
    """
    async with database.write() as c:
        user = await store.user_by_id(c, trader.user_id)
    if user is None:
        raise _no_user()
    attempts.check(user["username"], caller.address)
    rules.check_password(change.new_password, user["username"], user["email"])
    rounds = settings.bcrypt_rounds
    if not await verify_password(change.current_password, user["password_hash"], rounds):
        attempts.failed(user["username"])
        raise Forbidden("wrong_password", "The current password is wrong", "current_password")
    hashed = await hash_password(change.new_password, rounds)
    async with database.write() as c:
        current = await store.family_of_access_token(c, trader.credential_id)
        revoked, keys = await end_all(
            c, trader.user_id, except_family=current, api_keys=change.revoke_api_keys
        )
        await store.set_password(c, trader.user_id, hashed)
        await store.audit(c, "password_changed", caller, user_id=trader.user_id)
    await announce(revoked, keys, identity)


async def list_sessions(trader: Trader, database: Database) -> SessionsView:
    """The user's sessions, latest use first."""
    async with database.write() as c:
        current = await store.family_of_access_token(c, trader.credential_id)
        rows = await store.live_sessions(c, trader.user_id)
    rows.sort(key=lambda row: row["issued_at"], reverse=True)
    return SessionsView(
        items=[
            SessionView(
                id=row["id"],
                started_at=rfc3339(time_of_uuid7(row["id"])),
                last_used_at=rfc3339(from_datetime(row["issued_at"])),
                address=row["address"],
                user_agent=row["user_agent"],
                is_current=row["id"] == current,
            )
            for row in rows
        ]
    )


async def end_session(
    id: str, trader: Trader, caller: Caller, database: Database, identity: Identity
) -> None:
    """End one session of the user. Raises NotFound if the user has no such session."""
    family = parse_uuid(id)
    async with database.write() as c:
        if family is None or not await store.owns_session(c, trader.user_id, family):
            raise NotFound("unknown_session", "You have no session with this id", "id")
        revoked = await store.revoke_family(c, family)
        await store.audit(c, "session_ended", caller, user_id=trader.user_id, subject=family)
    await forget(revoked, identity)


async def log_out_everywhere(
    trader: Trader, caller: Caller, database: Database, identity: Identity, *, api_keys: bool
) -> None:
    """End all sessions of the user; with `api_keys` also revoke all API keys."""
    async with database.write() as c:
        revoked, keys = await end_all(c, trader.user_id, api_keys=api_keys)
        await store.audit(c, "logout_everywhere", caller, user_id=trader.user_id, api_keys=api_keys)
    await announce(revoked, keys, identity)


async def edit_user(
    name: str, edit: UserEdit, trader: Trader, caller: Caller, database: Database, identity: Identity
) -> AdminUser:
    """Disable a user, which ends all access at once, or enable it again.

    Raises:
        NotFound: `unknown_user`.
        Refused: `user_is_admin`: the user of administrators' keys cannot be disabled; revoke the keys.
    """
    async with database.write() as c:
        id = parse_uuid(name)
        user = await (store.user_by_id(c, id) if id else store.user_by_name(c, name.replace("\x00", "")))
        if user is None:
            raise NotFound("unknown_user", f"There is no user '{name[:64]}'", "user")
        if user["user_id"] == trader.user_id:
            raise Refused("user_is_admin", "The user of administrators' keys cannot be disabled", "user")
        revoked: list[asyncpg.Record] = []
        if edit.status == "disabled":
            revoked, _ = await end_all(c, user["user_id"])
        # A user that is still pending becomes active with its account.
        if edit.status == "disabled" or user["status"] == "disabled":
            await store.set_status(c, user["user_id"], edit.status)
        await store.audit(
            c, "user_edited", caller, user_id=trader.user_id, subject=user["user_id"], status=edit.status
        )
        changed = await store.user_by_id(c, user["user_id"])
    assert changed is not None
    await forget(revoked, identity)
    await identity.forget_user(user["user_id"])
    return AdminUser(
        user_id=changed["user_id"],
        username=changed["username"],
        email=changed["email"],
        account_id=changed["account_id"],
        status=changed["status"],
    )


async def end_all(
    c: Connection, user_id: str, *, except_family: str | None = None, api_keys: bool = False
) -> tuple[list[asyncpg.Record], list[str]]:
    """Revoke all sessions of a user. Returns the revoked access tokens and API keys, for `announce`."""
    revoked: list[asyncpg.Record] = []
    for family in await store.families_of(c, user_id):
        if family != except_family:
            revoked += await store.revoke_family(c, family)
    return revoked, await store.revoke_keys_of(c, user_id) if api_keys else []


async def announce(revoked: list[asyncpg.Record], keys: list[str], identity: Identity) -> None:
    """Make all processes refuse these access tokens and API keys."""
    await forget(revoked, identity)
    for key in keys:
        await identity.forget_key(key)


def _no_user() -> Unauthenticated:
    return Unauthenticated("invalid_credential", "The user of this credential no longer exists")
