"""ClickHouse inside the test process: one folder per session, because chdb opens only one per process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cift.platform.clickhouse import ClickHouse
from cift.platform.settings import Settings
from tests.recorded import LEAN


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClickHouse]:
    """The embedded engine with the schema of this release, initially empty."""
    folder = tmp_path_factory.mktemp("clickhouse")
    store = ClickHouse(Settings(clickhouse_url=f"chdb://{folder}"))
    yield store
    await store.close()


@pytest.fixture(scope="session")
def lean() -> Path:
    """A folder of recorded days (tests/data/README.md)."""
    return LEAN
