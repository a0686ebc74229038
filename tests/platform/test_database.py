"""Row-level security, snapshots, lost connections, and projections with their offset."""

import asyncio

import asyncpg
import pytest

from cift.kernel.errors import CiftError, Expected, ReadModelBehind, Unavailable
from cift.kernel.ids import uuid7
from cift.platform.journal import Batch, JournalRecord
from cift.platform.postgres import Database
from cift.platform.stores import Platform
from tests.stack import Stack, User
from tests.target import DEADLINE_S


def batch(journal: str, *sequences: int) -> Batch:
    return Batch("ORDERS", "main", journal, [JournalRecord(n, b"") for n in sequences])


async def test_a_function_cannot_read_the_identity_tables(platform: Platform) -> None:
    async with platform.database.read(uuid7()) as c:
        assert await c.fetchval("SELECT current_user") == "cift_function"
        assert await c.fetchval("SHOW transaction_read_only") == "on"
    for table in ("users", "api_keys", "refresh_tokens", "revoked_tokens", "audit_log", "schema_migrations"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with platform.database.read(uuid7()) as c:
                await c.fetch(f"SELECT * FROM {table}")


async def test_the_account_of_a_transaction_does_not_leak_into_the_next(platform: Platform) -> None:
    one = uuid7()
    async with platform.database.read(one) as c:
        assert str(await c.fetchval("SELECT current_account()")) == one
    for _ in range(20):
        async with platform.database.read() as c:
            assert await c.fetchval("SELECT current_account()") is None


async def test_an_account_id_must_be_a_uuid(platform: Platform) -> None:
    for wrong in ("x", "'; DROP TABLE users; --", ""):
        with pytest.raises(AssertionError):
            async with platform.database.read(wrong):
                pass


async def test_an_error_rolls_back_and_the_connection_stays_usable(platform: Platform) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        async with platform.database.write() as c:
            await c.execute("CREATE TABLE lost (x int)")
            await c.execute("nonsense")
    assert await platform.database.fetchval("SELECT to_regclass('lost')") is None
    for _ in range(20):
        async with platform.database.write() as c:
            assert await c.fetchval("SELECT 1") == 1


async def test_lost_connections_are_replaced_without_an_error(exchange: Stack) -> None:
    platform = Platform(exchange.settings(postgres_pool_max=4))
    database = platform.database

    async def hold() -> None:
        async with database.read() as c:
            await c.fetchval("SELECT pg_sleep(0.05)")

    await asyncio.gather(*(hold() for _ in range(4)))
    admin = Platform(exchange.settings())
    await admin.database.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = current_user AND pid <> pg_backend_pid() AND state = 'idle'"
    )
    for _ in range(8):
        async with database.read() as c:
            assert await c.fetchval("SELECT 1") == 1
        assert await database.fetchval("SELECT 2") == 2
    await admin.close()
    await platform.close()


async def test_an_unreachable_server_is_503_without_a_wait(exchange: Stack) -> None:
    run = exchange.settings()
    unreachable = Platform(type(run)(postgres_url="postgresql://cift@/cift?host=/nonexistent"))
    with pytest.raises(Unavailable) as refused:
        async with unreachable.database.read():
            pass
    assert refused.value.code == "database_unavailable"
    await unreachable.close()


async def test_redelivered_records_are_skipped_and_a_gap_is_requested(platform: Platform) -> None:
    database, journal = platform.database, uuid7()
    seen: list[int] = []

    async def project(*sequences: int) -> None:
        async with database.project(["test"], batch(journal, *sequences)) as (_, offsets):
            seen.extend(sequence for sequence in sequences if sequence > offsets["test"])

    await project(1, 2, 3)
    await project(2, 3, 4)
    assert seen == [1, 2, 3, 4]
    for wrong in ((6, 7), (1, 2), (4,)):
        with pytest.raises(Expected) as expected:
            await project(*wrong)
        assert expected.value.sequence == 5
    assert seen == [1, 2, 3, 4]
    await project(5)
    assert seen[-1] == 5


async def test_rows_and_offset_are_committed_together(platform: Platform) -> None:
    database, journal = platform.database, uuid7()
    await database.execute("CREATE TABLE IF NOT EXISTS projected_in_tests (journal text, sequence bigint)")
    with pytest.raises(RuntimeError):
        async with database.project(["test"], batch(journal, 1, 2)) as (c, _):
            for sequence in (1, 2):
                await c.execute("INSERT INTO projected_in_tests VALUES ($1, $2)", journal, sequence)
            raise RuntimeError("fails before the commit")
    count = "SELECT count(*) FROM projected_in_tests WHERE journal = $1"
    assert await database.fetchval(count, journal) == 0
    async with database.project(["test"], batch(journal, 1, 2)) as (c, offsets):
        assert offsets == {"test": 0}
        for sequence in (1, 2):
            await c.execute("INSERT INTO projected_in_tests VALUES ($1, $2)", journal, sequence)
    assert await database.fetchval(count, journal) == 2
    await database.execute("DROP TABLE projected_in_tests")


async def test_concurrent_projectors_write_each_record_once(platform: Platform) -> None:
    database, journal = platform.database, uuid7()
    wrote: list[int] = []

    async def project() -> None:
        try:
            async with database.project(["test"], batch(journal, 1, 2, 3)) as (_, offsets):
                await asyncio.sleep(0.05)
                numbers = [sequence for sequence in (1, 2, 3) if sequence > offsets["test"]]
        except (Expected, CiftError):
            return
        wrote.extend(numbers)

    await asyncio.gather(*(project() for _ in range(4)))
    assert wrote == [1, 2, 3]


async def test_a_read_waits_for_the_projectors_until_its_deadline(
    platform: Platform, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = platform.database
    journal = await platform.nats.journal_id()
    assert journal, "the journal has an id"
    sequence = await platform.engine.account_sequence(user.account_id)
    assert sequence > 0
    upsert = (
        "INSERT INTO projector_offsets (projector, shard, journal_id, sequence) VALUES ($1, 'main', $2, $3)"
    )
    name = f"test-{uuid7()}"
    monkeypatch.setattr("cift.platform.postgres.CAUGHT_UP_TIMEOUT_S", 0.3)
    with pytest.raises(ReadModelBehind):
        await database.caught_up(user.account_id, name)
    await database.execute(upsert, name, journal, sequence - 1)
    with pytest.raises(ReadModelBehind):
        await database.caught_up(user.account_id, name)
    monkeypatch.setattr("cift.platform.postgres.CAUGHT_UP_TIMEOUT_S", DEADLINE_S)
    waiting = asyncio.create_task(database.caught_up(user.account_id, name))
    await database.fetchval("SELECT 1")
    assert not waiting.done()
    await database.execute("UPDATE projector_offsets SET sequence = $2 WHERE projector = $1", name, sequence)
    await asyncio.wait_for(waiting, DEADLINE_S)
    await database.execute("DELETE FROM projector_offsets WHERE projector = $1", name)
    # No record changed an account that the engine does not know.
    await database.caught_up(uuid7(), name)


async def test_the_platform_s_database_is_a_database(platform: Platform) -> None:
    assert isinstance(platform.database, Database)
