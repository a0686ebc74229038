"""Log in a page of this exchange with username or email, and password.

The refresh token is stored in a cookie that scripts cannot read; the response has the access token only."""

from typing import Annotated

from starlette.responses import Response

from cift.auth import browser
from cift.auth.sessions import Sessions
from cift.contracts.auth import BrowserSession, Login
from cift.contracts.headers import FetchSite, ForwardedHost, Host, Origin
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens


@http("POST", "/api/v1/auth/browser/login", scope=None, rate="auth", scale=Scale(max=1), refusals=(401, 403))
async def start_browser_session(
    body: Login,
    caller: Caller,
    database: Database,
    engine: Engine,
    identity: Identity,
    tokens: Tokens,
    settings: Settings,
    origin: Origin = None,
    host: Host = None,
    forwarded_host: ForwardedHost = None,
    fetch_site: FetchSite = None,
) -> Annotated[Response, BrowserSession]:
    browser.check_same_origin(settings, origin, host, forwarded_host, fetch_site)
    pair = await Sessions(database, engine, identity, tokens, settings).login(body, caller)
    return browser.started(pair, origin, settings.refresh_token_s)
