"""Have a token for a new password sent to an e-mail address.

The response is the same whether a user has this address or not. A user gets at most three such mails an
hour."""

from cift.auth import mails
from cift.contracts.auth import ForgottenPassword
from cift.function import Scale, http
from cift.platform.identity import Caller
from cift.platform.mail import Mail
from cift.platform.postgres import Database


@http("POST", "/api/v1/auth/password/forgotten", scope=None, status=204, rate="auth", scale=Scale(max=1))
async def request_password_reset(
    request: ForgottenPassword, caller: Caller, database: Database, mail: Mail
) -> None:
    await mails.forgot_password(request, caller, database, mail)
