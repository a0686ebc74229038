"""The loop that delivers the journal to event functions: every record, in order, also after failures."""

import asyncio
from collections.abc import Callable

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from cift.kernel.errors import Expected
from cift.kernel.ids import uuid7
from cift.platform.journal import Batch
from cift.platform.pump import Pump
from cift.platform.stores import Platform
from tests.platform.test_engine_client import open_account
from tests.target import DEADLINE_S


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


async def run_until(task_of: Pump, done: Callable[[], bool], timeout_s: float = DEADLINE_S) -> None:
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


async def begin_at_the_end(platform: Platform, of: Pump) -> int:
    """Start the pump's consumer behind the records of other tests; returns the next sequence."""
    begin = (await platform.nats.journal())[1] + 1
    js = await platform.nats.jetstream()
    await js.add_consumer(
        "ORDERS",
        ConsumerConfig(
            durable_name=of._durable,
            ack_policy=AckPolicy.ALL,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=begin,
        ),
    )
    return begin


async def fill(platform: Platform, records: int) -> int:
    """Write at least this many records; returns the journal's last sequence."""
    for _ in range(records):
        await platform.engine.submit(open_account(uuid7()))
    return (await platform.nats.journal())[1]


async def test_every_record_is_delivered_once_and_in_order(platform: Platform) -> None:
    seen: list[int] = []
    journal_ids: set[str] = set()

    async def take(batch: Batch) -> None:
        assert 1 <= len(batch) <= 20
        journal_ids.add(batch.journal_id)
        seen.extend(record.sequence for record in batch)

    one = pump(platform, take)
    begin = await begin_at_the_end(platform, one)
    last = await fill(platform, 60)
    await run_until(one, lambda: bool(seen) and seen[-1] >= last)
    assert seen == list(range(begin, begin + len(seen)))
    assert journal_ids == {await platform.nats.journal_id()}


async def test_records_are_decoded(platform: Platform) -> None:
    account = uuid7()
    events: list[str] = []

    async def take(batch: Batch) -> None:
        for record in batch:
            assert record.timestamp > 0
            for entry in record.entries:
                events.extend(e["type"] for e in entry["events"] if e.get("account") == account)

    one = pump(platform, take)
    await begin_at_the_end(platform, one)
    opened = await platform.engine.submit(open_account(account))
    await run_until(one, lambda: bool(events))
    assert events == ["account_opened"] and opened.record_sequence > 0


async def test_a_failing_function_gets_the_same_batch_until_it_succeeds(platform: Platform) -> None:
    seen: list[int] = []
    failures = 0

    async def take(batch: Batch) -> None:
        nonlocal failures
        if failures < 3:
            failures += 1
            raise RuntimeError("the database is down")
        seen.extend(record.sequence for record in batch)

    one = pump(platform, take)
    begin = await begin_at_the_end(platform, one)
    last = await fill(platform, 30)
    await run_until(one, lambda: bool(seen) and seen[-1] >= last)
    assert failures == 3 and seen == list(range(begin, begin + len(seen)))


async def test_expected_continues_at_that_record(platform: Platform) -> None:
    seen: list[int] = []
    restored = False

    async def take(batch: Batch) -> None:
        nonlocal restored
        if len(seen) >= 10 and not restored:
            restored = True
            raise Expected(begin + 6)  # as if the database was restored to an earlier record
        seen.extend(record.sequence for record in batch)

    one = pump(platform, take, size=10)
    begin = await begin_at_the_end(platform, one)
    last = await fill(platform, 30)
    await run_until(one, lambda: restored and seen[-1] >= last)
    back = seen.index(begin + 6, seen.index(begin + 6) + 1)
    assert seen[:back] == list(range(begin, begin + back))
    assert seen[back:] == list(range(begin + 6, begin + 6 + len(seen) - back))


async def test_records_that_an_ended_process_did_not_acknowledge_are_delivered_at_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cift.platform.pump.ACK_WAIT_S", 3600)  # too long for a redelivery in this test
    seen: list[int] = []
    stuck = asyncio.Event()

    async def hang(batch: Batch) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async def take(batch: Batch) -> None:
        seen.extend(record.sequence for record in batch)

    first = pump(platform, hang)
    begin = await begin_at_the_end(platform, first)
    last = await fill(platform, 30)
    task = asyncio.create_task(first.run())
    await asyncio.wait_for(stuck.wait(), DEADLINE_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    first._handler = take
    await run_until(first, lambda: bool(seen) and seen[-1] >= last)
    assert seen == list(range(begin, begin + len(seen)))


async def test_new_records_are_delivered_without_delay(platform: Platform) -> None:
    seen: list[int] = []

    async def take(batch: Batch) -> None:
        seen.extend(record.sequence for record in batch)

    one = pump(platform, take)
    await begin_at_the_end(platform, one)
    task = asyncio.create_task(one.run())
    try:
        async with asyncio.timeout(DEADLINE_S):
            for _ in range(50):
                sequence = (await platform.engine.submit(open_account(uuid7()))).record_sequence
                while not seen or seen[-1] < sequence:
                    await asyncio.sleep(0.001)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await (await platform.nats.jetstream()).delete_consumer("ORDERS", one._durable)
