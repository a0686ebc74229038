"""Return a new access token for the session in the browser's cookie, and replace the cookie.

Without a cookie the error is `no_session`."""

from typing import Annotated

from starlette.responses import Response

from cift.auth import browser
from cift.auth.sessions import Sessions
from cift.contracts.auth import BrowserSession, RefreshRequest
from cift.contracts.headers import Cookie, FetchSite, ForwardedHost, Host, Origin
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens


@http(
    "POST", "/api/v1/auth/browser/refresh", scope=None, rate="auth", scale=Scale(max=1), refusals=(401, 403)
)
async def renew_browser_session(
    caller: Caller,
    database: Database,
    engine: Engine,
    identity: Identity,
    tokens: Tokens,
    settings: Settings,
    cookie: Cookie = None,
    origin: Origin = None,
    host: Host = None,
    forwarded_host: ForwardedHost = None,
    fetch_site: FetchSite = None,
) -> Annotated[Response, BrowserSession]:
    browser.check_same_origin(settings, origin, host, forwarded_host, fetch_site)
    request = RefreshRequest(refresh_token=browser.token_of(cookie)[:256])
    sessions = Sessions(database, engine, identity, tokens, settings)
    pair = await sessions.refresh(request, caller, repeat_within_s=browser.REPEAT_WITHIN_S)
    return browser.started(pair, origin, settings.refresh_token_s)
