"""An empty read model beside the one of a running exchange."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from cift.platform.migrate import migrate
from tests.stack import Stack


@asynccontextmanager
async def empty_database(exchange: Stack, name: str) -> AsyncIterator[str]:
    """The URL of a new database with our schema; it is dropped afterwards."""
    url = str(exchange.run_file["postgres_url"])
    owner = await asyncpg.connect(url)
    await owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await owner.execute(f"CREATE DATABASE {name}")
    made = url.replace("/cift?", f"/{name}?")
    assert made != url
    await migrate(made)
    try:
        yield made
    finally:
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await owner.close()
