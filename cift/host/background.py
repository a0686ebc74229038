"""What a process runs beside the requests that it serves: daemons, and the server for relay."""

import asyncio
import logging
import socket
from collections.abc import Coroutine, Iterable
from typing import Any

from cift.function import Function
from cift.host.plain import PlainServer
from cift.host.provide import bind
from cift.platform import telemetry
from cift.platform.stores import Platform

log = logging.getLogger("cift.host")
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 30.0
CANCEL_AGAIN_S = 1.0
STEADY_S = 60.0  # after a daemon ran this long, its back-off starts again from BACKOFF_FIRST_S


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


class Background:
    """The daemons among `functions`, and a server for relay, if there is one."""

    def __init__(
        self,
        functions: Iterable[Function],
        platform: Platform,
        server: tuple[PlainServer, socket.socket] | None = None,
    ) -> None:
        self._daemons = [function for function in functions if function.kind == "daemon"]
        self._platform = platform
        self._server = server
        self._serving: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for function in self._daemons:
            self._tasks.append(_task(run_daemon(function, self._platform), function.name))
        if self._server is not None:
            server, listener = self._server
            self._serving = _task(server.serve(listener), "the server for relay")

    async def stop(self) -> None:
        """Finish the batches in progress, then cancel all daemons and wait for them.

        Before Python 3.12, `asyncio.wait_for` loses a cancellation that arrives together with its result
        (python/cpython#86296); this affects our code and the drivers. So the tasks that still run are
        cancelled again every `CANCEL_AGAIN_S`."""
        if self._server is not None and self._serving is not None:
            self._server[0].stopping.set()
            await self._serving
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_S)
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s ended with an error", task.get_name(), exc_info=error)


def _task(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)
