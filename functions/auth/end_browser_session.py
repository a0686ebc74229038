"""Log out a page of this exchange: end the session in the browser's cookie, and remove the cookie."""

from starlette.responses import Response

from cift.auth import browser, sessions
from cift.contracts.headers import Cookie, FetchSite, ForwardedHost, Host, Origin
from cift.function import Scale, http
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings


@http(
    "POST",
    "/api/v1/auth/browser/logout",
    scope=None,
    rate="auth",
    scale=Scale(max=1),
    status=204,
    refusals=(403,),
)
async def end_browser_session(
    caller: Caller,
    database: Database,
    identity: Identity,
    settings: Settings,
    cookie: Cookie = None,
    origin: Origin = None,
    host: Host = None,
    forwarded_host: ForwardedHost = None,
    fetch_site: FetchSite = None,
) -> Response:
    browser.check_same_origin(settings, origin, host, forwarded_host, fetch_site)
    await sessions.end(browser.token_of(cookie), caller, database, identity)
    return browser.ended(origin)
