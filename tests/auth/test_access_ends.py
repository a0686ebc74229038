"""A user's access ends within seconds of any change: password, status, deletion, logging out everywhere."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
import websockets

from cift.auth import managed
from cift.platform.stores import Platform
from tests.stack import PASSWORD, Stack, User
from tests.target import until

AUTH = "/api/v1/auth"
NEW_PASSWORD = "another good password"


@asynccontextmanager
async def open_stream(exchange: Stack, headers: dict[str, str]) -> AsyncIterator[Callable[[], bool]]:
    """An open WebSocket with this credential; yields whether the exchange has closed it."""
    url = exchange.url.replace("http", "ws", 1) + "/api/v1/market-data/ws/stream"
    async with websockets.connect(url, additional_headers=headers) as socket:

        async def read() -> None:
            with suppress(websockets.ConnectionClosed):
                async for _ in socket:
                    pass

        reading = asyncio.create_task(read())
        yield reading.done
        reading.cancel()


async def status_of(http: httpx.AsyncClient, headers: dict[str, str]) -> int:
    """The status of a request that needs a credential only (`/me` reads the user itself)."""
    return (await http.get("/api/v1/trading/orders", headers=headers)).status_code


def is_refused(http: httpx.AsyncClient, headers: dict[str, str]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await status_of(http, headers) == 401

    return check


async def login(http: httpx.AsyncClient, user: User, password: str = PASSWORD) -> httpx.Response:
    return await http.post(f"{AUTH}/login", json={"username": user.username, "password": password})


async def bearer(http: httpx.AsyncClient, user: User) -> dict[str, str]:
    answer = await login(http, user)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET status = 'disabled' WHERE user_id = $1",
        "DELETE FROM users WHERE user_id = $1",
    ],
    ids=["disabled", "deleted"],
)
async def test_a_user_changed_in_the_database_loses_all_access(
    exchange: Stack, http: httpx.AsyncClient, platform: Platform, user: User, change: str
) -> None:
    async with open_stream(exchange, user.bearer) as session, open_stream(exchange, user.key) as key:
        assert await status_of(http, user.bearer) == await status_of(http, user.key) == 200
        await platform.database.execute(change, user.user_id)
        await until(is_refused(http, user.bearer), "the access token is refused")
        await until(is_refused(http, user.key), "the API key is refused")
        made = await http.post(f"{AUTH}/api-keys", json={"name": "n"}, headers=user.bearer)
        assert made.status_code == 401, made.text
        body = {"symbol": "SPY", "side": "buy", "type": "market", "quantity": "1"}
        for headers in (user.bearer, user.key):
            assert (await http.post("/api/v1/trading/orders", json=body, headers=headers)).status_code == 401

        async def ended() -> bool:
            return session() and key()

        await until(ended, "both streams are closed")
    refreshed = await http.post(f"{AUTH}/refresh", json={"refresh_token": user.refresh_token})
    assert refreshed.status_code == 401
    assert (await login(http, user)).status_code == 401


async def test_an_administrator_disables_a_user_at_once_and_enables_it_again(
    exchange: Stack, http: httpx.AsyncClient, platform: Platform, user: User
) -> None:
    admin = {"X-API-Key": await managed.create_admin_key("tests", platform.database, platform.settings)}
    assert await status_of(http, user.bearer) == await status_of(http, user.key) == 200
    async with open_stream(exchange, user.key) as has_ended:
        answer = await http.patch(
            f"/api/v1/admin/users/{user.username}", json={"status": "disabled"}, headers=admin
        )
        assert answer.status_code == 200 and answer.json()["status"] == "disabled", answer.text
        assert await status_of(http, user.bearer) == await status_of(http, user.key) == 401

        async def ended() -> bool:
            return has_ended()

        await until(ended, "the stream is closed")
    answer = await http.patch(f"/api/v1/admin/users/{user.user_id}", json={"status": "active"}, headers=admin)
    assert answer.json()["status"] == "active"
    assert await status_of(http, user.key) == 200
    assert await status_of(http, user.bearer) == 401  # its session has ended for good
    assert (await login(http, user)).status_code == 200
    unknown = await http.patch("/api/v1/admin/users/no.one", json={"status": "active"}, headers=admin)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_user")
    own = await http.patch(f"/api/v1/admin/users/{managed.ADMIN}", json={"status": "disabled"}, headers=admin)
    assert own.json()["code"] == "user_is_admin"
    assert (
        await http.patch(f"/api/v1/admin/users/{user.user_id}", json={"status": "active"}, headers=user.key)
    ).status_code == 403


async def test_a_new_password_ends_all_other_sessions(http: httpx.AsyncClient, user: User) -> None:
    other = await bearer(http, user)
    assert await status_of(http, other) == 200
    body = {"current_password": "not this one", "new_password": NEW_PASSWORD}
    wrong = await http.put(f"{AUTH}/password", json=body, headers=user.bearer)
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    weak = {"current_password": PASSWORD, "new_password": user.username.upper()}
    answer = await http.put(f"{AUTH}/password", json=weak, headers=user.bearer)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_password")
    body["current_password"] = PASSWORD
    by_key = await http.put(f"{AUTH}/password", json=body, headers=user.key)
    assert (by_key.status_code, by_key.json()["code"]) == (403, "session_required")
    answer = await http.put(f"{AUTH}/password", json=body, headers=user.bearer)
    assert answer.status_code == 204, answer.text
    assert await status_of(http, other) == 401
    assert await status_of(http, user.bearer) == await status_of(http, user.key) == 200
    assert (await login(http, user)).status_code == 401
    assert (await login(http, user, NEW_PASSWORD)).status_code == 200
    body = {"current_password": NEW_PASSWORD, "new_password": PASSWORD, "revoke_api_keys": True}
    assert (await http.put(f"{AUTH}/password", json=body, headers=user.bearer)).status_code == 204
    assert await status_of(http, user.key) == 401


async def test_sessions_are_listed_and_ended(http: httpx.AsyncClient, user: User) -> None:
    other = await bearer(http, user)
    listed = (await http.get(f"{AUTH}/sessions", headers=other)).json()["items"]
    assert [each["is_current"] for each in listed] == [True, False]
    assert all(each["address"] and each["user_agent"] and each["started_at"] for each in listed)
    stranger = await http.delete(f"{AUTH}/sessions/{'0' * 36}", headers=other)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "unknown_session")
    first = listed[1]["id"]
    assert (await http.delete(f"{AUTH}/sessions/{first}", headers=other)).status_code == 204
    assert await status_of(http, user.bearer) == 401 and await status_of(http, other) == 200
    left = (await http.get(f"{AUTH}/sessions", headers=other)).json()["items"]
    assert [each["id"] for each in left] == [listed[0]["id"]]


async def test_logging_out_everywhere_ends_all_sessions_and_on_request_all_keys(
    http: httpx.AsyncClient, user: User
) -> None:
    other = await bearer(http, user)
    assert await status_of(http, user.bearer) == 200
    assert (await http.delete(f"{AUTH}/sessions", headers=other)).status_code == 204
    assert await status_of(http, other) == await status_of(http, user.bearer) == 401
    assert await status_of(http, user.key) == 200
    refreshed = await http.post(f"{AUTH}/refresh", json={"refresh_token": user.refresh_token})
    assert refreshed.status_code == 401
    again = await bearer(http, user)
    answer = await http.delete(f"{AUTH}/sessions", params={"api_keys": "true"}, headers=again)
    assert answer.status_code == 204
    assert await status_of(http, user.key) == 401


async def test_no_session_survives_a_login_or_refresh_at_the_moment_of_a_new_password(
    http: httpx.AsyncClient, user: User, platform: Platform
) -> None:
    keeper = await bearer(http, user)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    refresh = {"refresh_token": user.refresh_token}
    answers = await asyncio.gather(
        http.put(f"{AUTH}/password", json=body, headers=keeper),
        *(login(http, user) for _ in range(6)),
        http.post(f"{AUTH}/refresh", json=refresh),
    )
    assert answers[0].status_code == 204, answers[0].text
    assert {answer.status_code for answer in answers} <= {200, 204, 401}
    for answer in answers[1:]:
        if answer.status_code == 200:
            assert await status_of(http, {"Authorization": f"Bearer {answer.json()['access_token']}"}) == 401
    listed = (await http.get(f"{AUTH}/sessions", headers=keeper)).json()["items"]
    assert [each["is_current"] for each in listed] == [True]
