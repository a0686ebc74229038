"""Log in a page of this exchange to the demonstration account, without a password.

Only where `make run` listens on a loopback address, and only from this machine (`no_demo_account`)."""

from typing import Annotated

from starlette.responses import Response

from cift.auth import browser
from cift.auth.sessions import Sessions
from cift.contracts.auth import BrowserSession
from cift.contracts.headers import FetchSite, ForwardedHost, Host, Origin
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Identity
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.platform.tokens import Tokens


@http("POST", "/api/v1/auth/browser/demo", scope=None, rate="auth", scale=Scale(max=1), refusals=(403, 404))
async def start_demo_session(
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
    pair = await Sessions(database, engine, identity, tokens, settings).login_demo(caller)
    return browser.started(pair, origin, settings.refresh_token_s)
