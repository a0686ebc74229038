"""Mails with a token that works once: a forgotten password, and the verification of an address."""

import asyncio
import email
import re
import time
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import httpx
import pytest

from cift.auth import mails
from cift.kernel.errors import Unavailable
from cift.platform.mail import Mail
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from tests.host.alone import alone
from tests.stack import PASSWORD, Stack, User
from tests.target import DEADLINE_S, until

AUTH = "/api/v1/auth"
NEW_PASSWORD = "a password after the mail"
TOKEN = re.compile(r"cift_mt_\S+")


def mails_to(exchange: Stack, address: str) -> list[EmailMessage]:
    """The mails to this address, oldest first."""
    files = sorted((exchange.folder / "mail").glob("*.eml"))
    found = [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]
    return [each for each in found if each["To"] == address]


async def token_to(exchange: Stack, address: str) -> str:
    """The token of the latest mail to this address."""

    async def arrived() -> list[EmailMessage]:
        return mails_to(exchange, address)

    await until(arrived, f"a mail to {address}")
    found = TOKEN.search(mails_to(exchange, address)[-1].get_content())
    assert found
    return found[0]


async def test_a_forgotten_password_is_reset_by_mail_once(
    exchange: Stack, http: httpx.AsyncClient, user: User, platform: Platform
) -> None:
    answer = await http.post(f"{AUTH}/password/forgotten", json={"email": user.email.upper()})
    assert answer.status_code == 204, answer.text
    token = await token_to(exchange, user.email)
    secret = token.split("_", 3)[3]
    assert secret not in str(await platform.database.fetch("SELECT * FROM mails"))
    weak = {"token": token, "new_password": "short"}
    refused = await http.post(f"{AUTH}/password/reset", json=weak)
    assert (refused.status_code, refused.json()["field"]) == (422, "password")
    body = {"token": token, "new_password": NEW_PASSWORD}
    answers = await asyncio.gather(*(http.post(f"{AUTH}/password/reset", json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422]
    assert (await http.get(f"{AUTH}/sessions", headers=user.bearer)).status_code == 401
    login = {"username": user.username, "password": NEW_PASSWORD}
    assert (await http.post(f"{AUTH}/login", json=login)).status_code == 200
    login["password"] = PASSWORD
    assert (await http.post(f"{AUTH}/login", json=login)).status_code == 401


async def test_nobody_learns_who_has_an_account_and_nobody_is_flooded(
    exchange: Stack, http: httpx.AsyncClient, user: User, platform: Platform
) -> None:
    unknown = await http.post(f"{AUTH}/password/forgotten", json={"email": "no.one@example.org"})
    assert (unknown.status_code, unknown.content) == (204, b"")
    for _ in range(6):
        answer = await http.post(f"{AUTH}/password/forgotten", json={"email": user.email})
        assert (answer.status_code, answer.content) == (204, b"")
    count = "SELECT count(*) FROM mails WHERE user_id = $1"
    assert await platform.database.fetchval(count, user.user_id) == 3


@pytest.mark.parametrize("token", ["", "x", "cift_mt_00000000-0000-7000-8000-000000000000_" + "A" * 43])
@pytest.mark.parametrize("path", ["password/reset", "email/verify"])
async def test_invented_tokens_are_refused(http: httpx.AsyncClient, path: str, token: str) -> None:
    body = {"token": token} | ({"new_password": NEW_PASSWORD} if path == "password/reset" else {})
    answer = await http.post(f"{AUTH}/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_mail_token")


async def test_expired_tokens_and_those_of_another_purpose_are_refused(
    exchange: Stack, http: httpx.AsyncClient, user: User, platform: Platform
) -> None:
    await http.post(f"{AUTH}/password/forgotten", json={"email": user.email})
    token = await token_to(exchange, user.email)
    verified = await http.post(f"{AUTH}/email/verify", json={"token": token})
    assert verified.json()["code"] == "invalid_mail_token"
    await platform.database.execute(
        "UPDATE mails SET expires_at = now() - interval '1 second' WHERE user_id = $1", user.user_id
    )
    body = {"token": token, "new_password": NEW_PASSWORD}
    answer = await http.post(f"{AUTH}/password/reset", json=body)
    assert answer.json()["code"] == "invalid_mail_token"


async def test_where_mail_is_set_a_new_user_verifies_its_address_first(
    exchange: Stack, http: httpx.AsyncClient
) -> None:
    name = f"verify{time.time_ns()}"
    address = f"{name}@example.com"
    body = {"email": address, "username": name, "password": PASSWORD}
    with alone("auth.register", exchange, CIFT_MAIL_FROM="exchange@example.com") as url:
        answer = await asyncio.to_thread(httpx.post, f"{url}{AUTH}/register", json=body, timeout=DEADLINE_S)
    assert answer.status_code == 201, answer.text
    login = {"username": name, "password": PASSWORD}
    refused = await http.post(f"{AUTH}/login", json=login)
    assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
    token = await token_to(exchange, address)
    assert (await http.post(f"{AUTH}/email/verify", json={"token": token})).status_code == 204
    assert (await http.post(f"{AUTH}/login", json=login)).status_code == 200


class SmtpServer:
    """A mail server that accepts every mail, or none."""

    def __init__(self) -> None:
        self.data: list[str] = []
        self.accepts = True

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode():
            match line.strip().upper().split(" ")[0]:
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    self.data.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                    writer.write(b"250 ok\r\n")
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case "MAIL" if not self.accepts:
                    writer.write(b"451 try again\r\n")
                case _:
                    writer.write(b"250 ok\r\n")
        writer.close()


async def test_mail_is_sent_by_smtp_and_an_error_is_tried_again(tmp_path: Path) -> None:
    handler = SmtpServer()
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"smtp://127.0.0.1:{port}"
        mail = Mail(Settings(data=tmp_path, smtp_url=url, mail_from="exchange@example.com"))
        await mail.send("ada@example.org", "Hello", mails.TEXTS["reset_password"][1])
        assert "To: ada@example.org" in handler.data[0] and "From: exchange@example.com" in handler.data[0]
        handler.accepts = False
        with pytest.raises(Unavailable, match="451"):
            await mail.send("ada@example.org", "Hello", "text")
    with pytest.raises(Unavailable):
        await mail.send("ada@example.org", "Hello", "text")
