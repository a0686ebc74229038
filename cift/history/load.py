"""Loads files into the tick stores, by way of TICKS, as a feed would: resumable, idempotent, several files
at a time.

A file is done when the stream has all of its messages on disk; that is noted, and a load that broke off
begins with the first file that is not. Loading a file again changes nothing, for its ticks have the same
numbers. The loader waits while the archive is far behind, so that the bounded stream lets nothing go.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from cift.history.batches import Piece
from cift.platform.tick_stream import Ticks

FILES_AT_ONCE = 2
MESSAGES_IN_FLIGHT = 16
WAITING_MAX = 600
"""Messages that may wait for the archive: some 250 MB of the stream's bound."""
LOOK_AFTER_MESSAGES = 64
PAUSE_S = 0.2
Factors = list[tuple[date, Decimal, Decimal]]


@dataclass(frozen=True)
class Source:
    """One file and how its messages are made."""

    path: Path
    feed: str
    read: Callable[[], Iterator[Piece]]


@dataclass
class Loaded:
    """What became of a load."""

    files: int = 0
    skipped: int = 0
    ticks: int = 0
    messages: int = 0


class Notes:
    """Which files are done: a small JSON file, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._done: set[str] = set(json.loads(path.read_text()))
        except (OSError, ValueError):
            self._done = set()

    def key(self, source: Source) -> str:
        """Tells this file, as it is now, for this feed."""
        stat = source.path.stat()
        name = f"{source.feed}\0{source.path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}"
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def is_done(self, key: str) -> bool:
        return key in self._done

    def done(self, key: str) -> None:
        self._done.add(key)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(sorted(self._done)))
        partial.replace(self._path)


async def load(
    sources: Iterable[Source],
    ticks: Ticks,
    notes: Notes,
    progress: Callable[[Source, int], None],
    *,
    again: bool = False,
) -> Loaded:
    """Load these files; `progress` is told of each file's ticks as they are on disk.

    Raises:
        NotLean, NotTicks: a file is not what it should be; those before it are loaded.
        Unavailable: the stream does not answer.
    """
    loaded = Loaded()
    room = asyncio.Semaphore(FILES_AT_ONCE)
    flight = asyncio.Semaphore(MESSAGES_IN_FLIGHT)

    async def send(source: Source, piece: Piece) -> None:
        try:
            await ticks.publish(piece.feed, piece.symbol, piece.kind, piece.first, piece.batch)
        finally:
            flight.release()
        loaded.ticks += piece.ticks
        loaded.messages += 1
        progress(source, piece.ticks)

    async def one(source: Source) -> None:
        key = await asyncio.to_thread(notes.key, source)
        if notes.is_done(key) and not again:
            loaded.skipped += 1
            return
        async with room, asyncio.TaskGroup() as sending:
            async for number, piece in _pieces(source):
                if number % LOOK_AFTER_MESSAGES == 0:
                    await _heed_the_archive(ticks)
                await flight.acquire()
                sending.create_task(send(source, piece))
        notes.done(key)
        loaded.files += 1

    try:
        async with asyncio.TaskGroup() as files:
            for source in sources:
                files.create_task(one(source))
    except* Exception as group:
        raise _first(group) from None
    return loaded


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


async def _pieces(source: Source) -> AsyncIterator[tuple[int, Piece]]:
    found = source.read()
    number = 0
    while True:
        piece = await asyncio.to_thread(next, found, None)
        if piece is None:
            return
        yield number, piece
        number += 1


async def _heed_the_archive(ticks: Ticks) -> None:
    while await ticks.waiting() > WAITING_MAX:  # noqa: ASYNC110 (another process' queue: nothing to wait for)
        await asyncio.sleep(PAUSE_S)
