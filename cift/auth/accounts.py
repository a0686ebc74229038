"""Registers users with their accounts, and returns the view of the caller's own user."""

import logging

import asyncpg

from cift.auth import mail_store, opening, rules, store
from cift.auth.passwords import hash_password
from cift.contracts.auth import Me, Registration, UserView
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.errors import CiftError, Conflict, Unauthenticated
from cift.kernel.ids import uuid7
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database
from cift.platform.settings import Settings

log = logging.getLogger("cift.auth")


def user_view(row: asyncpg.Record) -> UserView:
    return UserView(
        user_id=row["user_id"],
        email=row["email"],
        username=row["username"],
        account_id=row["account_id"],
        status=row["status"],
        created_at=rfc3339(from_datetime(row["created_at"])),
    )


async def register(
    registration: Registration, caller: Caller, database: Database, engine: Engine, settings: Settings
) -> UserView:
    """Register a user with an account of 100,000 USD.

    Raises:
        Refused: the password is not acceptable.
        Conflict: `email_taken` or `username_taken`.
    """
    rules.check_registration(registration)
    password_hash = await hash_password(registration.password, settings.bcrypt_rounds)
    user_id = uuid7()
    async with database.write() as c:
        if await store.looks_like_another(c, registration.username):
            raise Conflict(
                "username_taken", "A user with this username, or one that looks like it, exists", "username"
            )
        row = await store.insert_user(
            c,
            user_id,
            registration.email,
            registration.username,
            password_hash,
            rules.account_of(user_id),
        )
        if row is None:
            if await store.email_is_taken(c, registration.email):
                raise Conflict("email_taken", "A user with this email exists already", "email")
            raise Conflict("username_taken", "A user with this username exists already", "username")
        if settings.mail_from:
            await mail_store.require_verified(c, user_id)
        await store.audit(c, "register", caller, user_id=user_id, subject=registration.username)
    view = user_view(row)
    try:
        await opening.complete_account(user_id, database, engine)
        view.status = "active"
    except CiftError as error:
        # The user is stored. The next login or `complete_registrations` opens the account.
        log.warning("the account of a new user is not open yet", extra={"reason": error.code})
    return view


async def whoami(trader: Trader, database: Database) -> Me:
    """The user that the credential belongs to.

    Raises:
        Unauthenticated: the user was removed or disabled after the credential was issued.
    """
    async with database.write() as c:
        row = await store.user_by_id(c, trader.user_id)
    if row is None or row["status"] == "disabled":
        raise Unauthenticated("invalid_credential", "The user of this credential was removed or disabled")
    return Me(
        **user_view(row).model_dump(),
        scopes=sorted(trader.scopes),
        credential="session" if trader.credential == "session" else "key",
    )
