"""Mails with a token that works once: a forgotten password, and the proof of an e-mail address.

A request only writes a row; `auth.send_mails` creates the token and sends it. So a request takes equally long
whether the address is known or not, a mail server that is away loses nothing, and no database ever holds a
token. Of a user's tokens only the hash is stored; a token works for an hour, once.
"""

import base64
import hashlib
import hmac
import logging
import os
import re

from cift.auth import access, mail_store, rules, store
from cift.auth.passwords import hash_password
from cift.contracts.auth import EmailVerification, ForgottenPassword, PasswordReset
from cift.kernel.errors import Refused, Unavailable
from cift.platform.identity import Caller, Identity
from cift.platform.mail import Mail
from cift.platform.postgres import Connection, Database
from cift.platform.settings import Settings

log = logging.getLogger("cift.auth")
TRIES_MAX = 8
AT_A_TIME = 20
_TOKEN = re.compile(
    r"cift_mt_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII
)
TEXTS = {
    "reset_password": (
        "A new password for your account",
        "Somebody, probably you, requested a new password for the user {username}.\n\n"
        "This token sets it, once, within an hour:\n\n{token}\n\n"
        "Use it with `cift reset-password --token …`, or with POST /api/v1/auth/password/reset.\n"
        "If it was not you, ignore this mail: nothing has changed.\n",
    ),
    "verify_email": (
        "Verify your e-mail address",
        "Somebody, probably you, registered the user {username} with this address.\n\n"
        "This token verifies the address, once, within an hour:\n\n{token}\n\n"
        "Use it with `cift verify-email …`, or with POST /api/v1/auth/email/verify.\n"
        "If it was not you, ignore this mail: without the token nobody can log in.\n",
    ),
}
"""Purpose → subject and text."""


async def forgot_password(request: ForgottenPassword, caller: Caller, database: Database, mail: Mail) -> None:
    """Have a token sent to this address if a user has it. The caller does not find out whether one does."""
    mail.require()
    async with database.write() as c:
        user = await store.user_by_name(c, request.email)
        if user is not None and user["status"] != "disabled":
            await mail_store.request_mail(c, user["user_id"], "reset_password")
        await store.audit(
            c,
            "password_reset_requested",
            caller,
            user_id=user["user_id"] if user else None,
            subject=request.email,
        )


async def reset_password(
    reset: PasswordReset, caller: Caller, database: Database, identity: Identity, settings: Settings
) -> None:
    """Set a new password with a token from a mail. All sessions of the user end.

    Raises:
        Refused: `invalid_mail_token`, or the new password is not acceptable.
    """
    async with database.write() as c:
        user_id = await _user_of(reset.token, "reset_password", c)
        user = await store.user_by_id(c, user_id)
    if user is None or user["status"] == "disabled":
        raise _invalid()
    rules.check_password(reset.new_password, user["username"], user["email"])
    hashed = await hash_password(reset.new_password, settings.bcrypt_rounds)
    async with database.write() as c:
        await _user_of(reset.token, "reset_password", c, use=True)
        revoked, keys = await access.end_all(c, user_id, api_keys=reset.revoke_api_keys)
        await store.set_password(c, user_id, hashed)
        # The mail has arrived, so the address is the user's.
        await mail_store.set_verified(c, user_id)
        await store.audit(c, "password_reset", caller, user_id=user_id)
    await access.announce(revoked, keys, identity)


async def verify_email(request: EmailVerification, caller: Caller, database: Database) -> None:
    """Mark the address of a user as verified. Raises Refused: `invalid_mail_token`."""
    async with database.write() as c:
        user_id = await _user_of(request.token, "verify_email", c, use=True)
        await mail_store.set_verified(c, user_id)
        await store.audit(c, "email_verified", caller, user_id=user_id)


async def send_due(database: Database, mail: Mail) -> int:
    """Send the mails that are due. Returns how many were sent; a mail that fails is due again later."""
    sent = 0
    async with database.write() as c:
        due = await mail_store.take_due(c, AT_A_TIME, TRIES_MAX)
    for row in due:
        secret = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
        async with database.write() as c:
            await mail_store.set_token(c, row["id"], _hash(secret))
        subject, text = TEXTS[row["purpose"]]
        token = f"cift_mt_{row['id']}_{secret}"
        try:
            await mail.send(row["email"], subject, text.format(username=row["username"], token=token))
        except Unavailable as error:
            log.warning("a mail was not sent", extra={"mail": row["id"], "reason": error.message})
            continue
        async with database.write() as c:
            await mail_store.set_sent(c, row["id"])
        sent += 1
    return sent


async def _user_of(token: str, purpose: str, c: Connection, *, use: bool = False) -> str:
    """The user whose token this is; with `use` it does not work again."""
    found = _TOKEN.fullmatch(token)
    row = await mail_store.lock(c, found[1], purpose) if found else None
    if found is None or row is None or not hmac.compare_digest(row["token_hash"], _hash(found[2])):
        raise _invalid()
    if use:
        await mail_store.use_all(c, row["user_id"], purpose)
    user_id: str = row["user_id"]
    return user_id


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _invalid() -> Refused:
    return Refused("invalid_mail_token", "The token is unknown, used or older than an hour", "token")
