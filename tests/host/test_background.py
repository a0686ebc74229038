"""Daemons in this process end when they are stopped."""

import asyncio
import sys
import types

from cift.function import Function, daemon
from cift.host.background import Background
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from tests.target import DEADLINE_S


async def test_a_cancellation_that_arrives_with_a_result_is_repeated() -> None:
    result: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.Event()

    async def wait() -> None:
        waiting.set()
        # Before Python 3.12 this returns the result and loses the cancellation.
        await asyncio.wait_for(result, DEADLINE_S)

    module = sys.modules["functions.tests.wait"] = types.ModuleType("functions.tests.wait")
    wait.__module__ = module.__name__
    function: Function = daemon()(wait).__cift_function__  # type: ignore[attr-defined]
    background = Background([function], Platform(Settings(log="off")))
    background.start()
    await waiting.wait()
    result.set_result(None)
    async with asyncio.timeout(DEADLINE_S):
        await background.stop()
