"""A running feed driver with its accepted commands, raw ticks and log. The engine is a model
(engine_model.py)."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from cift.feeds.feed import Source
from cift.feeds.feed_driver import FeedDriver
from cift.feeds.outside import Tick
from tests.feeds.engine_model import Engine, of

UNTIL_TIMEOUT_S = 60.0


class RunningDriver:
    def __init__(self, source: Source) -> None:
        self.engine = Engine()
        self.raw: list[Tick] = []
        self.task: asyncio.Task[None]
        self.driver = FeedDriver(self.engine, source, self._prepare, self._sink)

    async def _prepare(self) -> None:
        """The model needs no facts."""

    def _sink(self, feed: str, ticks: Sequence[Tick]) -> None:
        self.raw += ticks

    @property
    def quotes(self) -> list[dict[str, Any]]:
        return of(self.engine.accepted, "outside_quote")

    @property
    def trades(self) -> list[dict[str, Any]]:
        return of(self.engine.accepted, "outside_trade")

    @property
    def dropped(self) -> dict[str, int]:
        return self.driver._pending.dropped

    def of_raw(self, kind: type[Tick]) -> list[Any]:
        return [tick for tick in self.raw if isinstance(tick, kind)]

    async def until(self, condition: Any, what: str = "") -> None:
        try:
            async with asyncio.timeout(UNTIL_TIMEOUT_S):
                while not condition():
                    assert not self.task.done(), self.task.exception()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not reached: {what}; last commands {self.engine.accepted[-5:]}") from None


@contextlib.asynccontextmanager
async def running_driver(source: Source) -> AsyncIterator[RunningDriver]:
    found = RunningDriver(source)
    found.task = asyncio.create_task(found.driver.run())
    try:
        yield found
    finally:
        found.task.cancel()
        await asyncio.gather(found.task, return_exceptions=True)


class LogLines(logging.Handler):
    """The logged messages, one line per record."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def matching(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]


@contextlib.contextmanager
def captured_log() -> Any:
    """The log lines of cift.feeds within the block."""
    lines, logger = LogLines(), logging.getLogger("cift.feeds")
    before = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before)
