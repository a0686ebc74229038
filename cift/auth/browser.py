"""Sessions of browsers: the refresh token is in a cookie that no script can read.

The dashboard keeps its access token in memory and sends it as every other client does, so a request that
another site forges carries no credential. Only the functions of this module read the cookie. If the cookie
authenticated all requests, every function would need a defence against forged requests. A leaked access token
is valid for half an hour only.

- The cookie is HttpOnly and SameSite=Strict, and is sent to the paths of these functions only.
- Requests from pages of other origins are refused: `check_same_origin`.
- The refresh token changes at each use. A browser may lose a response (the page is closed meanwhile), so a
  browser's token works again within REPEAT_WITHIN_S of its first use. A token of another client works once.
"""

from http.cookies import CookieError, SimpleCookie

from starlette.responses import JSONResponse, Response

from cift.contracts.auth import BrowserSession, TokenPair
from cift.kernel.errors import Refused, Unauthenticated
from cift.platform.settings import Settings

PATH = "/api/v1/auth/browser"
COOKIE = "cift_session"
REPEAT_WITHIN_S = 30


def check_same_origin(
    settings: Settings,
    origin: str | None,
    host: str | None,
    forwarded_host: str | None,
    fetch_site: str | None,
) -> None:
    """Check that a page of this exchange sends the request.

    A browser sets `Sec-Fetch-Site` if it called an HTTPS address or localhost; a page cannot change it.
    Without that header the host of `Origin` must equal the host that the browser called. The gateway replaces
    `Host` and passes the original in `X-Forwarded-Host`.

    Raises:
        Refused: `untrusted_origin`.
    """
    if fetch_site is not None:
        trusted = fetch_site == "same-origin"
    else:
        host = forwarded_host if settings.behind_gateway else host
        trusted = (
            origin is not None and host is not None and origin.partition("://")[2].lower() == host.lower()
        )
    if not trusted:
        raise Refused("untrusted_origin", "Only a page of this exchange may call this function", status=403)


def token_of(cookies: str | None) -> str:
    """The refresh token in the header `Cookie`.

    Raises:
        Unauthenticated: `no_session`.
    """
    jar = SimpleCookie()
    try:
        jar.load(cookies or "")
    except CookieError:
        jar.clear()
    if COOKIE not in jar:
        raise Unauthenticated("no_session", "This browser has no session: log in")
    return str(jar[COOKIE].value)


def started(pair: TokenPair, origin: str | None, lifetime_s: int) -> JSONResponse:
    """The response to a login: the access token in the body, the refresh token in the cookie.

    The cookie is `Secure` where the page was loaded over HTTPS. On one machine it is loaded over HTTP.
    """
    session = BrowserSession(access_token=pair.access_token, expires_in=pair.expires_in)
    response = JSONResponse(session.model_dump(), headers={"cache-control": "no-store"})
    response.set_cookie(
        COOKIE,
        pair.refresh_token,
        max_age=lifetime_s,
        path=PATH,
        secure=_is_secure(origin),
        httponly=True,
        samesite="strict",
    )
    return response


def ended(origin: str | None) -> Response:
    """The response to a logout: it removes the cookie."""
    response = Response(status_code=204, headers={"cache-control": "no-store"})
    response.delete_cookie(COOKIE, path=PATH, secure=_is_secure(origin), httponly=True, samesite="strict")
    return response


def _is_secure(origin: str | None) -> bool:
    return (origin or "").startswith("https://")
