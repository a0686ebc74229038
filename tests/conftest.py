"""Fixtures for all tests: one exchange per session, clients, users."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cift.platform.stores import Platform
from tests.stack import Stack, User
from tests.target import DEADLINE_S, Elsewhere, Target

SERVER_FIXTURES = {"exchange", "target", "platform", "clickhouse"}
STARTERS = {"Stack", "Relay", "subprocess", "alone", "questdb"}
"""What a test module imports to start servers or programs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests that start servers or other programs: `make test-fast` leaves them out."""
    for item in items:
        assert isinstance(item, pytest.Function)
        if SERVER_FIXTURES & set(item.fixturenames) or STARTERS & set(vars(item.module)):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The session's exchange (no market, fast passwords, high rate limits). Restore what you change."""
    folder: Path = tmp_path_factory.mktemp("exchange") / "data"
    with Stack.start(folder) as stack:
        yield stack


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The exchange that CIFT_TEST_URL names or, if it is not set, the session's."""
    named = Elsewhere.of_environment(tmp_path_factory.mktemp("elsewhere"))
    if named is not None:
        return named
    stack: Stack = request.getfixturevalue("exchange")
    return stack


@pytest_asyncio.fixture(loop_scope="session")
async def http(target: Target) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the session's exchange."""
    async with httpx.AsyncClient(base_url=target.url, timeout=DEADLINE_S) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(target: Target) -> AsyncIterator[Platform]:
    """The session's stores: `platform.engine`, `.database`, `.nats`, `.valkey`."""
    platform = Platform(target.settings())
    yield platform
    await platform.close()


@pytest.fixture
def new_user(target: Target) -> Callable[[], User]:
    """A function that registers a new user, logged in and with an API key."""
    return target.new_user


@pytest.fixture
def user(target: Target) -> User:
    """A new user of the session's exchange."""
    return target.new_user()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the skipped tests by reason at the end of the output."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    terminalreporter.section("not tested here")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:4} skipped: {reason}")
