"""Streams, timers and daemons in this process: the in-process equivalent of relay and its timers."""

import asyncio
import logging
from collections.abc import Iterable

from cift.function import Function
from cift.host.provide import BATCH, bind, name_of
from cift.platform import telemetry
from cift.platform.journal import Batch
from cift.platform.stores import Platform

log = logging.getLogger("cift.events")
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 30.0
CANCEL_AGAIN_S = 1.0
STEADY_S = 60.0  # after a daemon ran this long, its back-off starts again from BACKOFF_FIRST_S


async def run_on(function: Function, platform: Platform) -> None:
    """Deliver the function's stream to it until cancelled."""
    from cift.platform.pump import Pump  # imports the NATS client

    call, batch_name = bind(function, platform), name_of(function, BATCH)
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
    """Call the function each period until cancelled. An error is logged; the next period calls again."""
    call = bind(function, platform)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        telemetry.begin(function.name)
        try:
            await call()
        except Exception:
            log.exception("%s failed; next run in %g s", function.name, function.seconds)
        due = max(due + function.seconds, loop.time())  # periods that were missed are skipped
        await asyncio.sleep(due - loop.time())


async def run_daemon(function: Function, platform: Platform) -> None:
    """Run the function until it returns; restart it after an error. Skip it when another market is set."""
    if function.market and function.market != platform.settings.market:
        return
    call = bind(function, platform)
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
            log.exception("%s failed; restarting it in %.1f s", function.name, backoff)
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
        """Cancel all tasks and wait for them. A batch in progress is rolled back and delivered again later.

        Before Python 3.12, `asyncio.wait_for` loses a cancellation that arrives together with its result
        (python/cpython#86296); this affects our code and the drivers. So the tasks that still run are
        cancelled again every `CANCEL_AGAIN_S`."""
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_S)
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s ended with an error", task.get_name(), exc_info=error)
