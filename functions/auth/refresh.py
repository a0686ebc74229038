"""Exchange a refresh token for a new access token and a new refresh token.

A refresh token works once. A second use ends the session (`refresh_token_reused`)."""

from cift.auth.sessions import Sessions
from cift.contracts.auth import RefreshRequest, TokenPair
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens


@http("POST", "/api/v1/auth/refresh", scope=None, rate="auth", refusals=(401,))
async def refresh(
    body: RefreshRequest,
    caller: Caller,
    database: Database,
    engine: Engine,
    identity: Identity,
    tokens: Tokens,
    settings: Settings,
) -> TokenPair:
    return await Sessions(database, engine, identity, tokens, settings).refresh(body, caller)
