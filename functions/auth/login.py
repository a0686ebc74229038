"""Log in: name (or email) and password for an access token and a refresh token."""

from cift.auth.sessions import Sessions
from cift.contracts.auth import Login, TokenPair
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens


@http("POST", "/api/v1/auth/login", scope=None, rate="auth")
async def login(
    body: Login,
    caller: Caller,
    database: Database,
    engine: Engine,
    identity: Identity,
    tokens: Tokens,
    settings: Settings,
) -> TokenPair:
    return await Sessions(database, engine, identity, tokens, settings).login(body, caller)
