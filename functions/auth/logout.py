"""Log out: revoke the access token and end its session.

A refresh token in the body ends the session that it belongs to as well."""

from cift.auth import sessions
from cift.contracts.auth import LogoutRequest
from cift.function import http
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database


@http("POST", "/api/v1/auth/logout", scope="session", status=204)
async def logout(
    trader: Trader,
    caller: Caller,
    database: Database,
    identity: Identity,
    body: LogoutRequest | None = None,
) -> None:
    await sessions.logout(body, trader, caller, database, identity)
