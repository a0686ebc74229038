"""Streams, timers and daemons in this process: the in-process twin of relay and its clock."""

import asyncio
import logging
from collections.abc import Iterable

from cift.function import Function
from cift.host.provide import bind
from cift.platform import telemetry
from cift.platform.journal import Batch
from cift.platform.stores import Platform

log = logging.getLogger("cift.events")
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 30.0
CANCEL_AGAIN_S = 1.0
STEADY_S = 60.0  # a daemon that ran this long begins its back-off anew


async def run_on(function: Function, platform: Platform) -> None:
    """Bring the function's stream to it, for ever."""
    from cift.platform.pump import Pump  # and with it the client of NATS

    call, batch_name = bind(function, platform)
    assert batch_name is not None
    settings = platform.settings
    journal = function.stream == "ORDERS"

    async def handle(batch: Batch) -> None:
        await call(**{batch_name: batch})

    await Pump(
        platform.nats,
        function=function.name,
        stream=settings.journal_stream if journal else function.stream,
        shard=settings.shard,
        subject=function.subject,
        batch=function.batch,
        journal=journal,
        handler=handle,
        effects=function.effects,
    ).run()


async def run_every(function: Function, platform: Platform) -> None:
    """Call the function each period, for ever; a failure is logged and the next period tries again."""
    call, _ = bind(function, platform)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        telemetry.begin(function.name)
        try:
            await call()
        except Exception:
            log.exception("%s failed; it is due again in %g s", function.name, function.seconds)
        due = max(due + function.seconds, loop.time())  # missed periods are not made up for
        await asyncio.sleep(due - loop.time())


async def run_daemon(function: Function, platform: Platform) -> None:
    """Run the function until it returns; restart it after an error. Skip it when another market is set."""
    if function.market and function.market != platform.settings.market:
        return
    call, _ = bind(function, platform)
    loop = asyncio.get_running_loop()
    backoff = BACKOFF_FIRST_S
    while True:
        telemetry.begin(function.name)
        began = loop.time()
        try:
            await call()
            return
        except Exception:
            if loop.time() - began > STEADY_S:
                backoff = BACKOFF_FIRST_S
            log.exception("%s failed; it is started again in %.1f s", function.name, backoff)
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, BACKOFF_MAX_S)


_RUN = {"on": run_on, "every": run_every, "daemon": run_daemon}


class Background:
    """The tasks of all functions that are not called by HTTP."""

    def __init__(self, functions: Iterable[Function], platform: Platform) -> None:
        self._functions = [function for function in functions if function.kind in _RUN]
        self._platform = platform
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for function in self._functions:
            self._tasks.append(
                asyncio.create_task(_RUN[function.kind](function, self._platform), name=function.name)
            )

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
