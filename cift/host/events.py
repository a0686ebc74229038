"""Streams, timers and daemons in this process: the in-process twin of relay and its clock."""

import asyncio
import logging
from collections.abc import Iterable

from cift.function import Door
from cift.host.provide import bind
from cift.platform import telemetry
from cift.platform.journal import Batch
from cift.platform.stores import Platform

log = logging.getLogger("cift.events")
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 30.0
CANCEL_AGAIN_S = 1.0
STEADY_S = 60.0  # a daemon that ran this long begins its back-off anew


async def run_on(door: Door, platform: Platform) -> None:
    """Bring the door's stream to it, for ever."""
    from cift.platform.pump import Pump  # and with it the client of NATS

    call, batch_name = bind(door, platform)
    assert batch_name is not None
    settings = platform.settings
    journal = door.stream == "ORDERS"

    async def handle(batch: Batch) -> None:
        await call(**{batch_name: batch})

    await Pump(
        platform.nats,
        function=door.name,
        stream=settings.journal_stream if journal else door.stream,
        shard=settings.shard,
        subject=door.subject,
        batch=door.batch,
        journal=journal,
        handler=handle,
        effects=door.effects,
    ).run()


async def run_every(door: Door, platform: Platform) -> None:
    """Call the door each period, for ever; a failure is logged and the next period tries again."""
    call, _ = bind(door, platform)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        telemetry.begin(door.name)
        try:
            await call()
        except Exception:
            log.exception("%s failed; it is due again in %g s", door.name, door.seconds)
        due = max(due + door.seconds, loop.time())  # missed periods are not made up for
        await asyncio.sleep(due - loop.time())


async def run_daemon(door: Door, platform: Platform) -> None:
    """Run the door until it returns; an error starts it again. A door of another market has nothing to do."""
    if door.market and door.market != platform.settings.market:
        return
    call, _ = bind(door, platform)
    loop = asyncio.get_running_loop()
    backoff = BACKOFF_FIRST_S
    while True:
        telemetry.begin(door.name)
        began = loop.time()
        try:
            await call()
            return
        except Exception:
            if loop.time() - began > STEADY_S:
                backoff = BACKOFF_FIRST_S
            log.exception("%s failed; it is started again in %.1f s", door.name, backoff)
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, BACKOFF_MAX_S)


_RUN = {"on": run_on, "every": run_every, "daemon": run_daemon}


class Background:
    """The tasks of all functions that are not called by HTTP."""

    def __init__(self, doors: Iterable[Door], platform: Platform) -> None:
        self._doors = [door for door in doors if door.kind in _RUN]
        self._platform = platform
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for door in self._doors:
            self._tasks.append(asyncio.create_task(_RUN[door.kind](door, self._platform), name=door.name))

    async def stop(self) -> None:
        """Cancel all and wait for them; a batch in work is rolled back and comes again.

        A cancellation that meets the answer in `asyncio.wait_for` is lost before Python 3.12
        (python/cpython#86296), ours and the drivers' own: so it is said until it is heard."""
        alive = set(self._tasks)
        while alive:
            for task in alive:
                task.cancel()
            _, alive = await asyncio.wait(alive, timeout=CANCEL_AGAIN_S)
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s ended badly", task.get_name(), exc_info=error)
