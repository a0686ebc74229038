"""Identity over HTTP: users, sessions, API keys, scopes and the audit log."""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable

import httpx
import pytest

from cift.platform.stores import Platform
from tests.stack import PASSWORD, Stack, User

AUTH = "/api/v1/auth"


def secret_of(credential: str) -> str:
    """The secret of `cift_<id>_<secret>` or `cift_rt_<id>_<secret>`. It may contain underscores itself."""
    return credential.removeprefix("cift_").removeprefix("rt_").split("_", 1)[1]


async def refused(answer: httpx.Response, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) <= {"code", "message", "field", "request_id"} and body["message"]
    assert body["request_id"] == answer.headers["x-request-id"]


async def test_a_registered_user_has_an_account_with_cash(
    http: httpx.AsyncClient, user: User, platform: Platform
) -> None:
    me = (await http.get(f"{AUTH}/me", headers=user.bearer)).json()
    assert me["user_id"] == user.user_id and me["status"] == "active"
    assert me["credential"] == "session" and "keys" in me["scopes"]
    account = (await platform.engine.query({"account": user.account_id}))["account"]
    assert account["cash"] in ("100000", "100000.00") and account["kind"] == "margin"


async def test_names_are_unique_in_any_case(http: httpx.AsyncClient, user: User) -> None:
    body = {"email": user.email.upper(), "username": "another.name", "password": PASSWORD}
    await refused(await http.post(f"{AUTH}/register", json=body), 409, "email_taken")
    body = {"email": "x" + user.email, "username": user.username.upper(), "password": PASSWORD}
    await refused(await http.post(f"{AUTH}/register", json=body), 409, "username_taken")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "no-address"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "a\x00@example.com"}, "email"),
        ({"username": "ab"}, "username"),
        ({"username": "has space"}, "username"),
        ({"username": "a@example.com"}, "username"),
        ({"username": "x" * 33}, "username"),
        ({"username": "naïve"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 73 + "yzw"}, "password"),
        ({"password": "ä" * 36 + "xyz"}, "password"),
        ({"password": "nul\x00" * 5}, "password"),
        ({"password": "baseball"}, "password"),
        ({"password": "Valid.Name.12"}, "password"),
        ({"password": None}, "password"),
        ({"admin": True}, "admin"),
    ],
    ids=str,
)
async def test_an_invalid_registration_is_refused_with_its_field(
    http: httpx.AsyncClient, changed: dict[str, object], field: str
) -> None:
    body = {"email": "valid@example.com", "username": "valid.name.12", "password": PASSWORD} | changed
    answer = await http.post(f"{AUTH}/register", json=body)
    assert answer.status_code == 422 and answer.json()["field"] == field, answer.text
    assert str(changed.get("password") or "…") not in answer.text


async def test_every_byte_of_the_longest_password_counts(exchange: Stack, http: httpx.AsyncClient) -> None:
    password = "0123456789" * 7 + "ab"  # 72 bytes, the most that bcrypt reads
    name = f"long{time.time_ns()}"
    body = {"email": f"{name}@example.com", "username": name, "password": password}
    assert (await http.post(f"{AUTH}/register", json=body)).status_code == 201
    assert (
        await http.post(f"{AUTH}/login", json={"username": name, "password": password})
    ).status_code == 200
    for wrong in (password[:-1] + "c", password + "d", password[:-1]):
        answer = await http.post(f"{AUTH}/login", json={"username": name, "password": wrong})
        await refused(answer, 401, "invalid_login")


async def test_login_by_name_or_email_in_any_case(http: httpx.AsyncClient, user: User) -> None:
    for who in (
        {"username": user.username.upper()},
        {"email": user.email.upper()},
        {"username": user.email},
    ):
        answer = await http.post(f"{AUTH}/login", json={**who, "password": PASSWORD})
        body = answer.json()
        assert answer.status_code == 200, answer.text
        assert body["token_type"] == "bearer" and body["expires_in"] == 1800
        assert answer.headers.get("cache-control") is None or "no-store" in answer.headers["cache-control"]


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
    http: httpx.AsyncClient, user: User
) -> None:
    wrong = await http.post(f"{AUTH}/login", json={"username": user.username, "password": "wrong password"})
    unknown = await http.post(f"{AUTH}/login", json={"username": "nobody.here", "password": "wrong password"})
    await refused(wrong, 401, "invalid_login")
    await refused(unknown, 401, "invalid_login")
    assert wrong.json()["message"] == unknown.json()["message"]


async def test_login_needs_exactly_one_name(http: httpx.AsyncClient, user: User) -> None:
    both = {"username": user.username, "email": user.email, "password": PASSWORD}
    await refused(await http.post(f"{AUTH}/login", json=both), 422, "invalid_request")
    await refused(await http.post(f"{AUTH}/login", json={"password": PASSWORD}), 422, "invalid_request")


async def test_refresh_rotates(http: httpx.AsyncClient, user: User) -> None:
    first = (await http.post(f"{AUTH}/refresh", json={"refresh_token": user.refresh_token})).json()
    assert first["refresh_token"] != user.refresh_token
    second = await http.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})
    assert second.status_code == 200
    bearer = {"Authorization": f"Bearer {second.json()['access_token']}"}
    assert (await http.get(f"{AUTH}/me", headers=bearer)).status_code == 200


async def test_a_refresh_token_used_twice_ends_the_session(
    http: httpx.AsyncClient, user: User, platform: Platform
) -> None:
    first = (await http.post(f"{AUTH}/refresh", json={"refresh_token": user.refresh_token})).json()
    bearer = {"Authorization": f"Bearer {first['access_token']}"}
    assert (await http.get(f"{AUTH}/me", headers=bearer)).status_code == 200
    stolen = await http.post(f"{AUTH}/refresh", json={"refresh_token": user.refresh_token})
    await refused(stolen, 401, "refresh_token_reused")
    # Its successor and every access token of the session are revoked too.
    await refused(
        await http.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]}),
        401,
        "invalid_refresh_token",
    )
    await refused(await http.get(f"{AUTH}/me", headers=bearer), 401, "token_revoked")
    await refused(await http.get(f"{AUTH}/me", headers=user.bearer), 401, "token_revoked")
    events = await platform.database.fetch(
        "SELECT event FROM audit_log WHERE user_id = $1 ORDER BY id", user.user_id
    )
    assert [row["event"] for row in events] == ["register", "login", "api_key_created", "refresh_reused"]


async def test_of_simultaneous_refreshes_one_succeeds(http: httpx.AsyncClient, user: User) -> None:
    import asyncio

    body = {"refresh_token": user.refresh_token}
    answers = await asyncio.gather(*(http.post(f"{AUTH}/refresh", json=body) for _ in range(5)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 401, 401, 401, 401]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "cift_rt_00000000-0000-7000-8000-000000000000_" + "A" * 43,
        "cift_rt_" + "0" * 36 + "_x",
        "eyJhbGciOiJub25lIn0.e30.",
    ],
)
async def test_invented_refresh_tokens_are_refused(http: httpx.AsyncClient, token: str) -> None:
    answer = await http.post(f"{AUTH}/refresh", json={"refresh_token": token})
    await refused(answer, 401, "invalid_refresh_token")


async def test_access_and_refresh_tokens_are_not_interchangeable(http: httpx.AsyncClient, user: User) -> None:
    answer = await http.post(f"{AUTH}/refresh", json={"refresh_token": user.access_token})
    assert answer.status_code in (401, 422)
    bearer = {"Authorization": f"Bearer {user.refresh_token}"}
    await refused(await http.get(f"{AUTH}/me", headers=bearer), 401, "invalid_api_key")


async def test_logout_revokes_the_access_token_and_the_session(http: httpx.AsyncClient, user: User) -> None:
    assert (await http.get(f"{AUTH}/me", headers=user.bearer)).status_code == 200
    answer = await http.post(f"{AUTH}/logout", headers=user.bearer)
    assert answer.status_code == 204 and not answer.content
    await refused(await http.get(f"{AUTH}/me", headers=user.bearer), 401, "token_revoked")
    again = await http.post(f"{AUTH}/refresh", json={"refresh_token": user.refresh_token})
    await refused(again, 401, "invalid_refresh_token")
    # The API key is another credential and stays valid.
    assert (await http.get(f"{AUTH}/me", headers=user.key)).status_code == 200


async def test_an_api_key_works_in_either_header_and_is_not_listed(
    http: httpx.AsyncClient, user: User
) -> None:
    for headers in (user.key, {"Authorization": f"Bearer {user.api_key}"}):
        me = await http.get(f"{AUTH}/me", headers=headers)
        assert me.json()["credential"] == "key" and me.json()["user_id"] == user.user_id
    listed = await http.get(f"{AUTH}/api-keys", headers=user.bearer)
    assert secret_of(user.api_key) not in listed.text and len(listed.json()["items"]) == 1


async def test_id_and_secret_of_a_key_work_as_a_pair(http: httpx.AsyncClient, user: User) -> None:
    created = (await http.post(f"{AUTH}/api-keys", json={"name": "a pair"}, headers=user.bearer)).json()
    id, secret = created["id"], created["secret"]
    assert re.fullmatch(r"PK[A-Z2-7]{18}", id) and created["key"] == f"cift_{id}_{secret}"
    pair = {"APCA-API-KEY-ID": id, "APCA-API-SECRET-KEY": secret}
    basic = {"Authorization": "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode()}
    for headers in (pair, basic):
        assert (await http.get(f"{AUTH}/me", headers=headers)).json()["user_id"] == user.user_id
    await refused(await http.get(f"{AUTH}/me", headers={**pair, **user.key}), 401, "two_credentials")


async def test_a_key_of_an_earlier_version_still_works(
    http: httpx.AsyncClient, platform: Platform, user: User
) -> None:
    id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    await platform.database.execute(
        "INSERT INTO api_keys (id, user_id, name, secret_hash, scopes) VALUES ($1, $2, 'old', $3, '{read}')",
        id,
        user.user_id,
        hashlib.sha256(secret.encode()).digest(),
    )
    for headers in (
        {"X-API-Key": f"cift_{id}_{secret}"},
        {"APCA-API-KEY-ID": id, "APCA-API-SECRET-KEY": secret},
    ):
        assert (await http.get(f"{AUTH}/me", headers=headers)).json()["user_id"] == user.user_id


async def test_a_revoked_key_is_refused_at_once(http: httpx.AsyncClient, user: User) -> None:
    assert (await http.get(f"{AUTH}/me", headers=user.key)).status_code == 200
    key_id = user.api_key.split("_")[1]
    answer = await http.delete(f"{AUTH}/api-keys/{key_id}", headers=user.bearer)
    assert answer.status_code == 204
    await refused(await http.get(f"{AUTH}/me", headers=user.key), 401, "api_key_revoked")


async def test_users_neither_see_nor_revoke_keys_of_others(
    http: httpx.AsyncClient, new_user: Callable[[], User]
) -> None:
    mine, theirs = new_user(), new_user()
    key_id = theirs.api_key.split("_")[1]
    answer = await http.delete(f"{AUTH}/api-keys/{key_id}", headers=mine.bearer)
    await refused(answer, 404, "unknown_api_key")
    assert (await http.get(f"{AUTH}/me", headers=theirs.key)).status_code == 200
    listed = (await http.get(f"{AUTH}/api-keys", headers=mine.bearer)).json()["items"]
    assert key_id not in {item["id"] for item in listed}


async def test_keys_are_listed_in_pages(http: httpx.AsyncClient, user: User) -> None:
    for n in range(4):
        body = {"name": f"key {n}", "scopes": ["read"]}
        assert (await http.post(f"{AUTH}/api-keys", json=body, headers=user.bearer)).status_code == 201
    names: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get(f"{AUTH}/api-keys", params=query, headers=user.bearer)).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["key 3", "key 2", "key 1", "key 0", "tests"]
    zero = base64.urlsafe_b64encode(b"2026-11-25T00:00:00Z \0").decode()
    for wrong in ("x", "!!!", base64.urlsafe_b64encode(b"2026 x").decode(), zero):
        answer = await http.get(f"{AUTH}/api-keys", params={"cursor": wrong}, headers=user.bearer)
        await refused(answer, 422, "invalid_cursor")


async def test_scopes_are_enforced(http: httpx.AsyncClient, exchange: Stack) -> None:
    trades_only = exchange.new_user(scopes=("trade",))
    await refused(await http.get(f"{AUTH}/me", headers=trades_only.key), 403, "scope_required")
    # No API key may create, list or revoke keys, or log out, whatever its scopes.
    everything = exchange.new_user()
    for method, path, body in (
        ("GET", "/api-keys", None),
        ("POST", "/api-keys", {"name": "n"}),
        ("DELETE", "/api-keys/abcdefghijkl", None),
    ):
        answer = await http.request(method, f"{AUTH}{path}", json=body, headers=everything.key)
        await refused(answer, 403, "scope_required")
    await refused(await http.post(f"{AUTH}/logout", headers=everything.key), 403, "session_required")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "line\nbreak"}, "name"),
        ({"name": "n", "scopes": []}, "scopes"),
        ({"name": "n", "scopes": ["keys"]}, "scopes.0"),
        ({"name": "n", "scopes": ["admin"]}, "scopes.0"),
        ({"name": "n", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "n", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "n", "user_id": "x"}, "user_id"),
    ],
    ids=str,
)
async def test_an_invalid_api_key_request_is_refused_with_its_field(
    http: httpx.AsyncClient, user: User, body: dict[str, object], field: str
) -> None:
    answer = await http.post(f"{AUTH}/api-keys", json=body, headers=user.bearer)
    assert answer.status_code == 422 and answer.json()["field"] == field, answer.text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "credential_required"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "invalid_api_key"),
        ({"Authorization": "Digest x"}, "invalid_credential"),
        ({"Authorization": "Basic %%%"}, "invalid_api_key"),
        ({"APCA-API-KEY-ID": "PK" + "A" * 18, "APCA-API-SECRET-KEY": "A" * 43}, "invalid_api_key"),
        ({"APCA-API-KEY-ID": "PK" + "A" * 18}, "invalid_api_key"),
        ({"Authorization": "Bearer"}, "invalid_credential"),
        ({"Authorization": "Bearer x.y.z"}, "invalid_token"),
        ({"X-API-Key": "cift_aaaaaaaaaaaa_" + "A" * 43}, "invalid_api_key"),
        ({"X-API-Key": "cift_'; DROP TABLE users; --"}, "invalid_api_key"),
        ({"X-API-Key": ""}, "invalid_api_key"),
    ],
    ids=str,
)
async def test_invalid_credentials_are_refused(
    http: httpx.AsyncClient, headers: dict[str, str], code: str
) -> None:
    answer = await http.get(f"{AUTH}/me", headers=headers)
    await refused(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_with_one_wrong_letter_is_refused_while_the_right_one_is_cached(
    http: httpx.AsyncClient, user: User
) -> None:
    assert (await http.get(f"{AUTH}/me", headers=user.key)).status_code == 200
    wrong = user.api_key[:-1] + ("A" if user.api_key[-1] != "A" else "B")
    await refused(await http.get(f"{AUTH}/me", headers={"X-API-Key": wrong}), 401, "invalid_api_key")


async def test_a_request_with_two_credentials_is_refused(http: httpx.AsyncClient, user: User) -> None:
    await refused(await http.get(f"{AUTH}/me", headers=user.bearer | user.key), 401, "two_credentials")


async def test_forged_access_tokens_are_refused(http: httpx.AsyncClient, user: User) -> None:
    header, body, signature = user.access_token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    other = base64.urlsafe_b64encode(json.dumps(claims | {"scope": "admin"}).encode()).rstrip(b"=").decode()
    for forged in (f"{none}.{body}.", f"{header}.{other}.{signature}", f"{none}.{body}.{signature}"):
        answer = await http.get(f"{AUTH}/me", headers={"Authorization": f"Bearer {forged}"})
        await refused(answer, 401, "invalid_token")


async def test_the_published_keys_verify_our_tokens(http: httpx.AsyncClient, user: User) -> None:
    from jose import jwt

    published = (await http.get("/.well-known/jwks.json")).json()
    assert published == (await http.get(f"{AUTH}/jwks")).json()
    claims = jwt.decode(
        user.access_token, published, algorithms=["ES256"], audience="cift-markets", issuer="cift"
    )
    assert claims["sub"] == user.user_id and claims["acct"] == user.account_id


async def test_the_audit_log_holds_user_and_address_but_no_secret(
    http: httpx.AsyncClient, user: User, platform: Platform
) -> None:
    await http.post(
        f"{AUTH}/login",
        json={"username": user.username, "password": "wrong password!"},
        headers={"X-Request-ID": "audit-me", "User-Agent": "tests/1"},
    )
    key_id = user.api_key.split("_")[1]
    await http.delete(f"{AUTH}/api-keys/{key_id}", headers=user.bearer)
    await http.post(f"{AUTH}/logout", headers=user.bearer)
    rows = await platform.database.fetch(
        "SELECT event, host(address) AS address, user_agent, request_id, row_to_json(audit_log)::text AS text"
        " FROM audit_log WHERE user_id = $1 ORDER BY id",
        user.user_id,
    )
    assert [row["event"] for row in rows] == [
        "register",
        "login",
        "api_key_created",
        "login_failed",
        "api_key_revoked",
        "logout",
    ]
    failed = rows[3]
    assert (failed["address"], failed["user_agent"], failed["request_id"]) == (
        "127.0.0.1",
        "tests/1",
        "audit-me",
    )
    everything = " ".join(row["text"] for row in rows)
    for secret in (PASSWORD, "wrong password!", user.access_token, user.api_key, user.refresh_token):
        assert secret not in everything


async def test_the_audit_log_is_append_only(platform: Platform, user: User) -> None:
    import asyncpg

    for statement in ("DELETE FROM audit_log", "UPDATE audit_log SET event = 'x'"):
        with pytest.raises(asyncpg.RaiseError, match="append only"):
            await platform.database.execute(f"{statement} WHERE user_id = $1", user.user_id)


async def test_secrets_are_stored_as_hashes(platform: Platform, user: User) -> None:
    stored = await platform.database.fetchrow(
        "SELECT u.password_hash, encode(k.secret_hash, 'escape') AS key,"
        " encode(r.token_hash, 'escape') AS token"
        " FROM users u JOIN api_keys k USING (user_id) JOIN refresh_tokens r USING (user_id)"
        " WHERE u.user_id = $1",
        user.user_id,
    )
    assert stored is not None and stored["password_hash"].startswith("$2b$")
    assert secret_of(user.api_key) not in stored["key"]
    assert secret_of(user.refresh_token) not in stored["token"]
