"""Verify an e-mail address with the token from a mail. Where the exchange sends e-mail, a login needs it."""

from cift.auth import mails
from cift.contracts.auth import EmailVerification
from cift.function import Scale, http
from cift.platform.identity import Caller
from cift.platform.postgres import Database


@http("POST", "/api/v1/auth/email/verify", scope=None, status=204, rate="auth", scale=Scale(max=1))
async def verify_email(request: EmailVerification, caller: Caller, database: Database) -> None:
    await mails.verify_email(request, caller, database)
