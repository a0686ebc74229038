"""The caller's address: the header of the gateway counts behind a gateway only."""

from typing import Any

import asyncpg
import httpx
import pytest

from cift.host.address import address_of
from cift.run.servers import free_port
from tests.host.alone import alone
from tests.stack import Stack
from tests.target import DEADLINE_S

LOGIN = "/api/v1/auth/login"


@pytest.mark.parametrize(
    ("header", "behind", "address"),
    [
        (b"198.51.100.7", True, "198.51.100.7"),
        (b"2001:DB8::1", True, "2001:db8::1"),
        (b"198.51.100.7", False, "10.0.0.1"),
        (b"nobody", True, "10.0.0.1"),
        (b"", True, "10.0.0.1"),
        (None, True, "10.0.0.1"),
    ],
)
def test_the_header_counts_only_behind_a_gateway(header: bytes | None, behind: bool, address: str) -> None:
    headers = {} if header is None else {b"x-cift-client": header}
    assert address_of(headers, "10.0.0.1", behind_gateway=behind) == address


def _statuses(url: str, addresses: list[str]) -> list[int]:
    wrong = {"username": "nobody-of-these-tests", "password": "a wrong password"}
    with httpx.Client(base_url=url, timeout=DEADLINE_S) as client:
        return [
            client.post(LOGIN, json=wrong, headers={"x-cift-client": address}).status_code
            for address in addresses
        ]


def test_behind_a_gateway_each_caller_has_its_own_limit(exchange: Stack) -> None:
    pod = {"PORT": str(free_port()), "CIFT_RATE_LIMIT_AUTH": "3", "CIFT_BEHIND_GATEWAY": "true"}
    one, two = "198.51.100.21", "198.51.100.22"
    with alone("auth.login", exchange, **pod) as url:
        assert _statuses(url, [one] * 4 + [two]) == [401, 401, 401, 429, 401]


def test_without_a_gateway_a_forged_address_has_no_effect(exchange: Stack) -> None:
    pod = {"PORT": str(free_port()), "CIFT_RATE_LIMIT_AUTH": "3"}
    with alone("auth.login", exchange, **pod) as url:
        statuses = _statuses(url, [f"198.51.100.{n}" for n in range(31, 36)])
    assert statuses.count(401) <= 3 and statuses[-1] == 429


async def test_the_audit_log_records_the_caller(exchange: Stack) -> None:
    user = exchange.new_user()
    pod = {"PORT": str(free_port()), "CIFT_BEHIND_GATEWAY": "true"}
    body = {"username": user.username, "password": user.password}
    with alone("auth.login", exchange, **pod) as url:
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_S) as client:
            response = await client.post(LOGIN, json=body, headers={"x-cift-client": "198.51.100.41"})
    assert response.status_code == 200, response.text
    connection: Any = await asyncpg.connect(str(exchange.run_file["postgres_url"]))
    try:
        query = "SELECT count(*) FROM audit_log WHERE host(address) = '198.51.100.41'"
        assert await connection.fetchval(query) >= 1
    finally:
        await connection.close()
