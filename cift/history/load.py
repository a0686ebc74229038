"""Loads files into the tick stores through the stream TICKS, like a feed: resumable, idempotent, several
files at a time.

A file is done when the stream has all its messages on disk. Done files are recorded, so an interrupted
load continues with the first file that is not done. Loading a file again changes nothing, because its
ticks have the same sequences. The loader waits while the archive is far behind, so that the bounded
stream discards nothing.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from cift.history.batches import TickMessage
from cift.platform.tick_stream import Ticks

CONCURRENT_FILES_MAX = 2
MESSAGES_IN_FLIGHT_MAX = 16
WAITING_MAX = 600
"""Messages that may wait for the archive: about 250 MB of the stream's limit."""
CHECK_EVERY_MESSAGES = 64
PAUSE_S = 0.2
Factors = list[tuple[date, Decimal, Decimal]]


@dataclass(frozen=True)
class Source:
    """One file, and the function that reads its messages."""

    path: Path
    feed: str
    read: Callable[[], Iterator[TickMessage]]


@dataclass
class Loaded:
    """The result of a load."""

    files: int = 0
    skipped: int = 0
    ticks: int = 0
    messages: int = 0


class CompletedLoads:
    """Keys of the files that are loaded completely: a small JSON file, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._done: set[str] = set(json.loads(path.read_text()))
        except (OSError, ValueError):
            self._done = set()

    def key(self, source: Source) -> str:
        """Identifies the file in its current state, for its feed."""
        stat = source.path.stat()
        name = f"{source.feed}\0{source.path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}"
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def is_done(self, key: str) -> bool:
        return key in self._done

    def add(self, key: str) -> None:
        self._done.add(key)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(sorted(self._done)))
        partial.replace(self._path)


async def load(
    sources: Iterable[Source],
    ticks: Ticks,
    completed: CompletedLoads,
    progress: Callable[[Source, int], None],
    *,
    again: bool = False,
) -> Loaded:
    """Load these files. `progress` is called with a file and the number of its ticks that were stored.

    Raises:
        NotLean, NotTicks: a file is not in the expected form; the files before it are loaded.
        Unavailable: the stream does not respond.
    """
    loaded = Loaded()
    file_slots = asyncio.Semaphore(CONCURRENT_FILES_MAX)
    message_slots = asyncio.Semaphore(MESSAGES_IN_FLIGHT_MAX)

    async def send(source: Source, message: TickMessage) -> None:
        try:
            await ticks.publish(message.feed, message.symbol, message.kind, message.first, message.batch)
        finally:
            message_slots.release()
        loaded.ticks += message.ticks
        loaded.messages += 1
        progress(source, message.ticks)

    async def load_file(source: Source) -> None:
        key = await asyncio.to_thread(completed.key, source)
        if completed.is_done(key) and not again:
            loaded.skipped += 1
            return
        async with file_slots, asyncio.TaskGroup() as sending:
            async for number, message in _messages(source):
                if number % CHECK_EVERY_MESSAGES == 0:
                    await _wait_for_archive(ticks)
                await message_slots.acquire()
                sending.create_task(send(source, message))
        completed.add(key)
        loaded.files += 1

    try:
        async with asyncio.TaskGroup() as files:
            for source in sources:
                files.create_task(load_file(source))
    except* Exception as group:
        raise _first(group) from None
    return loaded


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


async def _messages(source: Source) -> AsyncIterator[tuple[int, TickMessage]]:
    messages = source.read()
    number = 0
    while True:
        message = await asyncio.to_thread(next, messages, None)
        if message is None:
            return
        yield number, message
        number += 1


async def _wait_for_archive(ticks: Ticks) -> None:
    while await ticks.pending() > WAITING_MAX:  # noqa: ASYNC110 (the queue is in another process: no event to wait for)
        await asyncio.sleep(PAUSE_S)
