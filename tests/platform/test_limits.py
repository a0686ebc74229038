"""Rate limits hold over all processes with Valkey, and in each process without it."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from cift.kernel.errors import RateLimited
from cift.kernel.ids import uuid7
from cift.platform.limits import Limit, Limits
from cift.platform.settings import Settings
from cift.platform.valkey import Valkey
from tests.stack import Stack
from tests.target import DEADLINE_S


@pytest_asyncio.fixture(loop_scope="session")
async def two(exchange: Stack) -> AsyncIterator[tuple[Limits, Limits]]:
    """The limits of two processes."""
    valkeys = [Valkey(exchange.settings()) for _ in range(2)]
    yield Limits(exchange.settings(), valkeys[0]), Limits(exchange.settings(), valkeys[1])
    for valkey in valkeys:
        await valkey.close()


async def spend(limits: Limits, limit: Limit, who: str, times: int) -> int:
    passed = 0
    for _ in range(times):
        try:
            await limits.spend(limit, who)
            passed += 1
        except RateLimited as refused:
            assert refused.status == 429 and refused.retry_after and refused.retry_after >= 1
    return passed


async def test_a_limit_holds_over_two_processes(two: tuple[Limits, Limits]) -> None:
    limit, who = Limit("test", 50, 3600.0), uuid7()
    passed = await asyncio.gather(*(spend(limits, limit, who, 60) for limits in two))
    # Leases are a tenth: up to 4 leased tokens may be unspent, but never are too many spent.
    assert 46 <= sum(passed) <= 50


async def test_users_do_not_share_a_limit(two: tuple[Limits, Limits]) -> None:
    limit = Limit("test", 10, 3600.0)
    assert [await spend(two[0], limit, uuid7(), 12) for _ in range(3)] == [10, 10, 10]


async def test_a_bucket_refills_with_time(two: tuple[Limits, Limits]) -> None:
    limit, who = Limit("test", 20, 1.0), uuid7()
    assert await spend(two[0], limit, who, 200) >= 20
    await asyncio.sleep(1.1)
    assert await spend(two[0], limit, who, 5) == 5


async def test_most_requests_cost_no_round_trip(
    two: tuple[Limits, Limits], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, commands = two[0], 0
    real = limits._valkey.run

    async def counted(command: object) -> object:
        nonlocal commands
        commands += 1
        return await real(command)

    monkeypatch.setattr(limits._valkey, "run", counted)
    assert await spend(limits, Limit("test", 1000, 3600.0), uuid7(), 500) == 500
    assert commands == 5


async def test_concurrent_requests_share_a_lease(two: tuple[Limits, Limits]) -> None:
    limit, who = Limit("test", 30, 3600.0), uuid7()
    passed = await asyncio.gather(*(spend(two[0], limit, who, 1) for _ in range(40)))
    assert sum(passed) == 30, "every token is spent once"


async def test_a_slow_caller_loses_no_tokens_to_leases(two: tuple[Limits, Limits]) -> None:
    limit, who = Limit("test", 40, 3600.0), uuid7()
    assert await spend(two[0], limit, who, 1) == 1
    await asyncio.sleep(1.1)  # the lease stays valid: refilling its four tokens takes minutes
    assert await spend(two[0], limit, who, 50) == 39


async def test_without_valkey_each_process_enforces_the_limit_itself() -> None:
    settings = Settings(valkey_url="unix:///nonexistent/valkey.sock")
    valkey = Valkey(settings)
    limits = Limits(settings, valkey)
    assert await spend(limits, Limit("test", 25, 3600.0), uuid7(), 100) == 25
    await valkey.close()


async def test_over_http_a_limit_is_429_with_retry_after(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("limited") / "data"
    begun = time.monotonic()
    with Stack.start(folder, rate_limit="5", rate_limit_public="30", rate_limit_auth="8") as stack:
        user = stack.new_user()  # two of the eight; two more were used at the start, for the demo user
        async with httpx.AsyncClient(base_url=stack.url, timeout=DEADLINE_S) as client:
            # Concurrent, so that they exceed the limit also on a slow machine.
            requests = (client.get("/api/v1/auth/me", headers=user.key) for _ in range(100))
            answers = await asyncio.gather(*requests)
            statuses = [answer.status_code for answer in answers]
            # One of the five made the user's key, and may not have come back yet.
            assert statuses.count(200) >= 4 and 429 in statuses
            refused = answers[statuses.index(429)]
            assert refused.json()["code"] == "rate_limited" and int(refused.headers["retry-after"]) >= 1
            # Probes are never limited, and the public limit is separate from the user's.
            assert (await client.get("/health")).status_code == 200
            assert (await client.get("/api/v1")).status_code == 200
            body = {"username": "nobody", "password": "wrong password"}
            tries = [(await client.post("/api/v1/auth/login", json=body)).status_code for _ in range(10)]
            refilled = int((time.monotonic() - begun) / 7.5)  # eight a minute
            assert 4 <= tries.count(401) <= 4 + refilled and set(tries) <= {401, 429}
