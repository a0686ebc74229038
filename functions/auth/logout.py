"""Log out: revoke the access token and end its session.

A refresh token in the body ends the session that it belongs to as well."""

from cift.auth.sessions import Sessions
from cift.contracts.auth import LogoutRequest
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens


@http("POST", "/api/v1/auth/logout", scope="session", status=204)
async def logout(
    trader: Trader,
    caller: Caller,
    database: Database,
    engine: Engine,
    identity: Identity,
    tokens: Tokens,
    settings: Settings,
    body: LogoutRequest | None = None,
) -> None:
    await Sessions(database, engine, identity, tokens, settings).logout(body, trader, caller)
