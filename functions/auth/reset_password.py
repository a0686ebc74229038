"""Set a new password with a token from a mail. All sessions of the user end."""

from cift.auth import mails
from cift.contracts.auth import PasswordReset
from cift.function import Scale, http
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings


@http("POST", "/api/v1/auth/password/reset", scope=None, status=204, rate="auth", scale=Scale(max=1))
async def reset_password(
    reset: PasswordReset, caller: Caller, database: Database, identity: Identity, settings: Settings
) -> None:
    await mails.reset_password(reset, caller, database, identity, settings)
