"""An exchange that exports its spans to a collector of the tests."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from cift.platform.stores import Platform
from tests.observability.collector import Collector, collecting
from tests.stack import Stack
from tests.target import DEADLINE_S
from tests.venue import Venue


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="package")
def traced_exchange(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    """Of the requests without a `traceparent` it traces none, so each test decides what is traced."""
    folder = tmp_path_factory.mktemp("traced") / "data"
    with Stack.start(folder, otlp_endpoint=collector.url, trace_ratio="0") as stack:
        yield stack


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def traced(traced_exchange: Stack) -> AsyncIterator[Venue]:
    """The actions of users and administrator on that exchange."""
    platform = Platform(traced_exchange.settings())
    async with httpx.AsyncClient(base_url=traced_exchange.url, timeout=DEADLINE_S) as http:
        venue = Venue(traced_exchange, http, platform)
        await venue.prepare()
        yield venue
    await platform.close()
