"""Streams, timers and daemons in this process: the in-process twin of relay and its clock."""

import asyncio
import inspect
import logging
import typing
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from cift.function import Door
from cift.host.call import PLATFORM, plain
from cift.platform import telemetry
from cift.platform.journal import Batch, Pump
from cift.platform.stores import Platform

log = logging.getLogger("cift.events")
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0  # a daemon that ran this long begins its back-off anew


def _bind(door: Door, platform: Platform) -> tuple[Callable[..., Awaitable[Any]], str | None]:
    """The function with what it asks for by type, and the name of its batch parameter."""
    hints = typing.get_type_hints(door.call)
    provided: dict[str, type] = {}
    batch: str | None = None
    for name in inspect.signature(door.call).parameters:
        bare = plain(hints[name])[0]
        if bare in PLATFORM:
            provided[name] = bare
        else:
            assert bare is Batch and door.kind == "on", f"{door.name}: cannot give a {bare} for {name}"
            batch = name
    assert (batch is not None) == (door.kind == "on"), f"{door.name}: on() functions take a Batch"

    async def call(**more: Any) -> Any:
        return await door.call(**{n: PLATFORM[t](platform) for n, t in provided.items()}, **more)

    return call, batch


async def run_on(door: Door, platform: Platform) -> None:
    """Bring the door's stream to it, for ever."""
    call, batch_name = _bind(door, platform)
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
    ).run()


async def run_every(door: Door, platform: Platform) -> None:
    """Call the door each period, for ever; a failure is logged and the next period tries again."""
    call, _ = _bind(door, platform)
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
    """Run the door until it returns; an error starts it again."""
    call, _ = _bind(door, platform)
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
        self._doors = [door for door in doors if door.kind != "http"]
        self._platform = platform
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for door in self._doors:
            self._tasks.append(asyncio.create_task(_RUN[door.kind](door, self._platform), name=door.name))

    async def stop(self) -> None:
        """Cancel all and wait for them; a batch in work is rolled back and comes again."""
        for task in self._tasks:
            task.cancel()
        for task, result in zip(
            self._tasks, await asyncio.gather(*self._tasks, return_exceptions=True), strict=True
        ):
            if isinstance(result, Exception):
                log.error("%s ended badly", task.get_name(), exc_info=result)
