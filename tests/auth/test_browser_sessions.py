"""Sessions of browsers: the refresh token is in a cookie, and no other site can use it."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.auth.test_sessions_and_keys import AUTH, refused
from tests.stack import PASSWORD, Stack, User
from tests.target import DEADLINE_S

BROWSER = f"{AUTH}/browser"


@pytest_asyncio.fixture(loop_scope="session")
async def page(exchange: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends what a browser sends for a page of this exchange, and keeps cookies."""
    headers = {"Origin": exchange.url, "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=exchange.url, timeout=DEADLINE_S, headers=headers) as client:
        yield client


async def login(page: httpx.AsyncClient, user: User) -> httpx.Response:
    response = await page.post(f"{BROWSER}/login", json={"username": user.username, "password": PASSWORD})
    assert response.status_code == 200, response.text
    return response


async def post(exchange: Stack, name: str, **request: Any) -> httpx.Response:
    """The response to a client without cookies or headers of its own."""
    async with httpx.AsyncClient(base_url=exchange.url, timeout=DEADLINE_S) as client:
        return await client.post(f"{BROWSER}/{name}", **request)


async def test_the_refresh_token_is_in_a_cookie_that_scripts_cannot_read(
    page: httpx.AsyncClient, user: User
) -> None:
    response = await login(page, user)
    assert set(response.json()) == {"access_token", "token_type", "expires_in"}
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and f"Path={BROWSER}" in cookie
    assert "Secure" not in cookie, "this page was loaded over HTTP"
    assert response.headers["cache-control"] == "no-store"
    bearer = {"Authorization": f"Bearer {response.json()['access_token']}"}
    me = (await page.get(f"{AUTH}/me", headers=bearer)).json()
    assert me["username"] == user.username
    # The cookie alone is no credential for any other function.
    await refused(await page.get(f"{AUTH}/me"), 401, "credential_required")


async def test_over_https_the_cookie_is_secure(exchange: Stack, user: User) -> None:
    host = exchange.url.partition("://")[2]
    response = await post(
        exchange,
        "login",
        json={"username": user.username, "password": PASSWORD},
        headers={"Origin": f"https://{host}"},
    )
    assert "Secure" in response.headers["set-cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["login", "demo", "refresh", "logout"])
async def test_a_page_of_another_site_is_refused(
    page: httpx.AsyncClient, exchange: Stack, user: User, name: str, headers: dict[str, str]
) -> None:
    await login(page, user)
    body = {"username": user.username, "password": PASSWORD} if name == "login" else None
    response = await post(exchange, name, json=body, headers=headers, cookies=dict(page.cookies))
    await refused(response, 403, "untrusted_origin")
    assert "set-cookie" not in response.headers
    assert (await page.post(f"{BROWSER}/refresh")).status_code == 200, "the session still works"


async def test_the_cookie_changes_at_each_use(page: httpx.AsyncClient, user: User) -> None:
    await login(page, user)
    first = page.cookies["cift_session"]
    assert (await page.post(f"{BROWSER}/refresh")).status_code == 200
    assert page.cookies["cift_session"] != first


async def test_a_browser_that_lost_a_response_continues(
    page: httpx.AsyncClient, exchange: Stack, user: User
) -> None:
    await login(page, user)
    lost = dict(page.cookies)
    assert (await page.post(f"{BROWSER}/refresh")).status_code == 200
    headers = {"Sec-Fetch-Site": "same-origin"}
    again = await post(exchange, "refresh", cookies=lost, headers=headers)
    assert again.status_code == 200, again.text
    assert (await page.post(f"{BROWSER}/refresh")).status_code == 200, "and so does the other tab"


async def test_a_token_that_was_used_long_ago_ends_the_session(
    page: httpx.AsyncClient, exchange: Stack, user: User
) -> None:
    await login(page, user)
    stolen = dict(page.cookies)
    access = (await page.post(f"{BROWSER}/refresh")).json()["access_token"]
    connection = await asyncpg.connect(exchange.stores["postgres_url"])
    try:
        await connection.execute(
            "UPDATE refresh_tokens SET used_at = used_at - interval '31 seconds'"
            " WHERE user_id = $1 AND used_at IS NOT NULL",
            user.user_id,
        )
    finally:
        await connection.close()
    headers = {"Sec-Fetch-Site": "same-origin"}
    response = await post(exchange, "refresh", cookies=stolen, headers=headers)
    await refused(response, 401, "refresh_token_reused")
    await refused(await page.post(f"{BROWSER}/refresh"), 401, "invalid_refresh_token")
    bearer = {"Authorization": f"Bearer {access}"}
    await refused(await page.get(f"{AUTH}/me", headers=bearer), 401, "token_revoked")


async def test_other_clients_cannot_repeat_a_refresh_token(http: httpx.AsyncClient, user: User) -> None:
    body = {"refresh_token": user.refresh_token}
    assert (await http.post(f"{AUTH}/refresh", json=body)).status_code == 200
    await refused(await http.post(f"{AUTH}/refresh", json=body), 401, "refresh_token_reused")


async def test_logout_ends_the_session_and_removes_the_cookie(page: httpx.AsyncClient, user: User) -> None:
    access = (await login(page, user)).json()["access_token"]
    before = dict(page.cookies)
    response = await page.post(f"{BROWSER}/logout")
    assert response.status_code == 204 and not page.cookies
    await refused(await page.post(f"{BROWSER}/refresh"), 401, "no_session")
    page.cookies.update(before)
    await refused(await page.post(f"{BROWSER}/refresh"), 401, "invalid_refresh_token")
    bearer = {"Authorization": f"Bearer {access}"}
    await refused(await page.get(f"{AUTH}/me", headers=bearer), 401, "token_revoked")


async def test_the_demonstration_account_needs_no_password_on_this_machine(page: httpx.AsyncClient) -> None:
    response = await page.post(f"{BROWSER}/demo")
    assert response.status_code == 200, response.text
    bearer = {"Authorization": f"Bearer {response.json()['access_token']}"}
    me = (await page.get(f"{AUTH}/me", headers=bearer)).json()
    assert me["username"] == "demo" and "admin" not in me["scopes"]
