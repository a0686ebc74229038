"""Streams, timers and daemons in this process end when they are told to."""

import asyncio
import sys
import types

from cift.function import Function, every
from cift.host.events import Background
from cift.platform.settings import Settings
from cift.platform.stores import Platform


async def test_a_cancellation_that_meets_an_answer_is_said_again() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asked = asyncio.Event()

    async def ask() -> None:
        asked.set()
        await asyncio.wait_for(
            answer, 60
        )  # before Python 3.12 it keeps the answer and loses the cancellation

    module = sys.modules["functions.tests.ask"] = types.ModuleType("functions.tests.ask")
    ask.__module__ = module.__name__
    function: Function = every("60s")(ask).__cift_function__  # type: ignore[attr-defined]
    background = Background([function], Platform(Settings(log="off")))
    background.start()
    await asked.wait()
    answer.set_result(None)
    async with asyncio.timeout(10):
        await background.stop()
