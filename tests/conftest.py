"""Fixtures that every test may use: one exchange a session, clients, users."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cift.platform.stores import Platform
from tests.stack import Stack, User


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The session's exchange (no market, fast passwords, high rate limits). Leave it as you found it."""
    folder: Path = tmp_path_factory.mktemp("exchange") / "data"
    with Stack.start(folder) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def http(exchange: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the session's exchange."""
    async with httpx.AsyncClient(base_url=exchange.url, timeout=20) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(exchange: Stack) -> AsyncIterator[Platform]:
    """The session's stores as a function has them: `platform.engine`, `.database`, `.nats`, `.valkey`."""
    platform = Platform(exchange.settings())
    yield platform
    await platform.close()


@pytest.fixture
def new_user(exchange: Stack) -> Callable[[], User]:
    """A function that registers a new user, logged in and with an API key."""
    return exchange.new_user


@pytest.fixture
def user(exchange: Stack) -> User:
    """A new user of the session's exchange."""
    return exchange.new_user()
