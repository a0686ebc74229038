"""The transaction of the projectors, on an empty read model: rows and offsets move together or not at all."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cift import projectors
from cift.kernel.errors import Expected
from cift.platform.journal import Batch, JournalRecord
from cift.platform.postgres import Database
from cift.platform.stores import Platform
from cift.projectors import PROJECTORS, project
from tests.empty_database import empty_database
from tests.stack import Stack
from tests.venue import Venue


@pytest_asyncio.fixture(loop_scope="session")
async def url(exchange: Stack) -> AsyncIterator[str]:
    async with empty_database(exchange, "project_test") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def two(exchange: Stack, url: str) -> AsyncIterator[tuple[Database, Database]]:
    """The database as two processes see it."""
    platforms = [Platform(exchange.settings(postgres_url=url)) for _ in range(2)]
    yield platforms[0].database, platforms[1].database
    for platform in platforms:
        await platform.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def journal(venue: Venue) -> Batch:
    """The journal, with orders that traded."""
    one, other, symbol = venue.user(), venue.user(), await venue.instrument()
    for _ in range(3):
        await venue.order(one, symbol, side="sell", quantity="5")
        await venue.market(other, symbol, "buy", "2")
    journal_id, last = await venue.platform.nats.journal()
    js = await venue.platform.nats.jetstream()
    records = [await js.get_msg("ORDERS", n) for n in range(1, last + 1)]
    items = [JournalRecord(n, record.data or b"") for n, record in enumerate(records, 1)]
    return Batch("ORDERS", "main", journal_id, items)


def part(journal: Batch, first: int, last: int) -> Batch:
    """The records `first` to `last`."""
    return Batch(journal.stream, journal.shard, journal.journal_id, journal.items[first - 1 : last])


async def offsets(database: Database) -> dict[str, int]:
    rows = await database.fetch("SELECT projector, sequence FROM projector_offsets")
    return {row["projector"]: row["sequence"] for row in rows}


async def sums(database: Database) -> dict[str, Any]:
    tables = [table for module in PROJECTORS.values() for table in module.TABLES]
    of_table = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} t"
    return {table: tuple(await database.fetchrow(of_table.format(table)) or ()) for table in tables}


async def test_a_projector_that_is_behind_gets_only_the_records_that_it_lacks(
    journal: Batch, two: tuple[Database, Database], venue: Venue
) -> None:
    """After an upgrade, or a rebuild of one projector, the offsets differ."""
    database, middle, last = two[0], len(journal) // 2, len(journal)
    early = part(journal, 1, middle)
    async with database.project(["project_orders"], early) as (connection, before):
        assert before == {"project_orders": 0}
        await PROJECTORS["project_orders"].project(connection, early.items)
    assert await offsets(database) == {"project_orders": middle}

    with pytest.raises(Expected) as expected:
        await project(part(journal, middle + 1, last), two[1])
    assert expected.value.sequence == 1, "the other projectors have no record yet"
    await project(part(journal, 1, last), two[1])
    assert await offsets(database) == dict.fromkeys(PROJECTORS, last)
    found = await sums(database)
    assert found["order_fills"][0] > 0 and found["transactions"][0] > 0 and found["trades"][0] > 0


async def test_a_failure_in_one_projector_changes_nothing_and_the_retry_projects_once(
    journal: Batch, two: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, middle, last = two[0], len(journal) // 2, len(journal)
    await project(part(journal, 1, middle), database)
    before = await sums(database)

    class Killed(BaseException):
        pass

    class Failing:
        async def project(self, connection: Any, records: Any) -> None:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setitem(projectors.PROJECTORS, "project_market", Failing())  # type: ignore[arg-type]
        with pytest.raises(Killed):
            await project(part(journal, middle + 1, last), database)
    assert await sums(database) == before
    assert await offsets(database) == dict.fromkeys(PROJECTORS, middle)
    await project(part(journal, middle + 1, last), database)
    assert await offsets(database) == dict.fromkeys(PROJECTORS, last)


async def test_two_processes_with_the_same_records_write_them_once(
    journal: Batch, two: tuple[Database, Database]
) -> None:
    """As while a killed pod and its successor overlap."""
    middle, last = len(journal) // 2, len(journal)
    for database in two:  # both know the offset
        try:
            await project(part(journal, 1, middle), database)
        except Expected as expected:
            assert expected.sequence == middle + 1
    done = await asyncio.gather(
        *(project(part(journal, middle + 1, last), database) for database in two), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["Expected", "NoneType"], done
    assert [each.sequence for each in done if isinstance(each, Expected)] == [last + 1]
    assert await offsets(two[0]) == dict.fromkeys(PROJECTORS, last)


async def test_a_database_restored_to_an_earlier_record_is_noticed(
    journal: Batch, two: tuple[Database, Database]
) -> None:
    """The process remembers an offset that the database no longer has."""
    database, middle, last = two[0], len(journal) // 2, len(journal)
    await project(part(journal, 1, middle), database)

    async def restored() -> AsyncIterator[int]:
        for at in (middle - 1, None):
            if at is None:
                await two[1].execute("DELETE FROM projector_offsets")
            else:
                await two[1].execute("UPDATE projector_offsets SET sequence = $1", at)
            yield at or 0

    async for at in restored():
        before = await sums(database)
        with pytest.raises(Expected) as expected:
            await project(part(journal, middle + 1, last), database)
        assert expected.value.sequence == at + 1
        assert await sums(database) == before
