"""Change the password. All other sessions of the user end at once.

`revoke_api_keys` also revokes the user's API keys. The current password is required."""

from cift.auth import access
from cift.contracts.auth import PasswordChange
from cift.function import Scale, http
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database
from cift.platform.settings import Settings


@http("PUT", "/api/v1/auth/password", scope="session", status=204, rate="auth", scale=Scale(max=1))
async def change_password(
    change: PasswordChange,
    trader: Trader,
    caller: Caller,
    database: Database,
    identity: Identity,
    settings: Settings,
) -> None:
    await access.change_password(change, trader, caller, database, identity, settings)
