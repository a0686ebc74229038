"""The loop that brings the journal to event functions: all of it, in order, whatever happens."""

import asyncio
from collections.abc import Callable

from cift.kernel.errors import Expected
from cift.kernel.ids import uuid7
from cift.platform.journal import Batch, Pump
from cift.platform.stores import Platform
from tests.platform.test_engine_client import open_account


def pump(platform: Platform, handler: Callable[..., object], *, size: int = 20) -> Pump:
    name = f"tests.p{uuid7().replace('-', '')}"
    return Pump(
        platform.nats,
        function=name,
        stream="ORDERS",
        shard="main",
        subject=None,
        batch=size,
        journal=True,
        handler=handler,  # type: ignore[arg-type]
    )


async def run_until(task_of: Pump, done: Callable[[], bool], timeout_s: float = 20.0) -> None:
    task = asyncio.create_task(task_of.run())
    try:
        async with asyncio.timeout(timeout_s):
            while not done():
                assert not task.done()
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        js = await task_of._nats.jetstream()
        await js.delete_consumer("ORDERS", task_of._durable)


async def fill(platform: Platform, records: int) -> int:
    """At least this many records; returns the journal's last sequence."""
    for _ in range(records):
        await platform.engine.submit(open_account(uuid7()))
    return (await platform.nats.journal())[1]


async def test_every_record_once_and_in_order(platform: Platform) -> None:
    last = await fill(platform, 60)
    seen: list[int] = []
    journal_ids: set[str] = set()

    async def take(batch: Batch) -> None:
        assert 1 <= len(batch) <= 20
        journal_ids.add(batch.journal_id)
        seen.extend(record.sequence for record in batch)

    await run_until(pump(platform, take), lambda: bool(seen) and seen[-1] >= last)
    assert seen[: len(seen)] == list(range(1, len(seen) + 1))
    assert journal_ids == {await platform.nats.journal_id()}


async def test_records_are_decoded(platform: Platform) -> None:
    account = uuid7()
    trace_last = await platform.engine.submit(open_account(account))
    events: list[str] = []

    async def take(batch: Batch) -> None:
        for record in batch:
            assert record.timestamp > 0
            for entry in record.entries:
                events.extend(e["type"] for e in entry["events"] if e.get("account") == account)

    await run_until(pump(platform, take), lambda: bool(events))
    assert events == ["account_opened"] and trace_last.record_sequence > 0


async def test_a_failing_function_gets_the_same_batch_until_it_succeeds(platform: Platform) -> None:
    last = await fill(platform, 30)
    seen: list[int] = []
    failures = 0

    async def take(batch: Batch) -> None:
        nonlocal failures
        if failures < 3:
            failures += 1
            raise RuntimeError("the database is down")
        seen.extend(record.sequence for record in batch)

    await run_until(pump(platform, take), lambda: bool(seen) and seen[-1] >= last)
    assert failures == 3 and seen == list(range(1, len(seen) + 1))


async def test_expected_goes_back_to_that_record(platform: Platform) -> None:
    last = await fill(platform, 30)
    seen: list[int] = []
    restored = False

    async def take(batch: Batch) -> None:
        nonlocal restored
        if len(seen) > 25 and not restored:
            restored = True
            raise Expected(7)  # the database was restored to record 6
        seen.extend(record.sequence for record in batch)

    await run_until(pump(platform, take, size=10), lambda: restored and seen[-1] >= last)
    back = seen.index(7, seen.index(7) + 1)
    assert seen[:back] == list(range(1, back + 1))
    assert seen[back:] == list(range(7, 7 + len(seen) - back))


async def test_what_a_dead_process_left_unacknowledged_comes_at_once(platform: Platform) -> None:
    last = await fill(platform, 30)
    seen: list[int] = []
    stuck = asyncio.Event()

    async def hang(batch: Batch) -> None:
        stuck.set()
        await asyncio.sleep(3600)

    async def take(batch: Batch) -> None:
        seen.extend(record.sequence for record in batch)

    first = pump(platform, hang)
    task = asyncio.create_task(first.run())
    await asyncio.wait_for(stuck.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    first._handler = take
    await run_until(first, lambda: bool(seen) and seen[-1] >= last, 10.0)  # far below ACK_WAIT_S
    assert seen == list(range(1, len(seen) + 1))


async def test_new_records_come_without_waiting(platform: Platform) -> None:
    seen: list[int] = []

    async def take(batch: Batch) -> None:
        seen.extend(record.sequence for record in batch)

    one = pump(platform, take)
    last = (await platform.nats.journal())[1]
    task = asyncio.create_task(one.run())
    try:
        async with asyncio.timeout(10):
            while not seen or seen[-1] < last:
                await asyncio.sleep(0.01)
            for _ in range(50):
                sequence = (await platform.engine.submit(open_account(uuid7()))).record_sequence
                while seen[-1] < sequence:
                    await asyncio.sleep(0.001)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await (await platform.nats.jetstream()).delete_consumer("ORDERS", one._durable)
