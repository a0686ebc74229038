"""Log in with username or email, and password.

Returns an access token and a refresh token. `invalid_login` does not distinguish an unknown user from a wrong
password."""

from cift.auth.sessions import Sessions
from cift.contracts.auth import Login, TokenPair
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens


@http("POST", "/api/v1/auth/login", scope=None, rate="auth", refusals=(401, 403))
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
