"""What is to be looked at: a set of keys with a time each, worked off by a few workers.

The workqueue of Kubernetes' own controllers in a page: a key that waits is one key however often it is
added; the same key is never worked on twice at a time; failure tries again with growing pauses (1 s to
`RETRY_MAX_S`), success forgets them.
"""

import asyncio
import heapq
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from cift.kernel.errors import CiftError
from operators import metrics
from operators.kube import ApiError, ApiUnavailable

log = logging.getLogger("cift.operator")
WORKERS = 8
RETRY_FIRST_S = 1.0
RETRY_MAX_S = 60.0


@dataclass(frozen=True, order=True, slots=True)
class Key:
    """A resource by its name: `kind` is its plural."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


class Again(Exception):
    """Look again after `after_s`: not an error, just not finished."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"again in {after_s:g} s")
        self.after_s = after_s


class Work:
    """Keys to be worked off by `ensure`."""

    def __init__(self, ensure: Callable[[Key], Awaitable[None]]) -> None:
        self._ensure = ensure
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, after_s: float = 0.0) -> None:
        """Look at a resource, at the latest after this time."""
        due = asyncio.get_running_loop().time() + after_s
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        metrics.waiting.set(len(self._due))
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._worker())

    async def _next(self) -> Key:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            wait: float | None = None
            busy: list[tuple[float, Key]] = []
            try:
                while self._heap:
                    due, key = self._heap[0]
                    if self._due.get(key) != due:  # worked off, or due sooner by now
                        heapq.heappop(self._heap)
                        continue
                    if due > loop.time():
                        wait = due - loop.time()
                        break
                    heapq.heappop(self._heap)
                    if key in self._running:
                        busy.append((due, key))  # `_worker` sets `_changed` when it has ended
                        continue
                    del self._due[key]
                    metrics.waiting.set(len(self._due))
                    return key
            finally:
                for each in busy:
                    heapq.heappush(self._heap, each)
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                pass

    async def _worker(self) -> None:
        while True:
            key = await self._next()
            self._running.add(key)
            try:
                await self._ensure(key)
                self._failures.pop(key, None)
            except Again as again:
                self._failures.pop(key, None)
                self.add(key, again.after_s)
            except Exception as error:
                failures = self._failures[key] = self._failures.get(key, 0) + 1
                pause = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(failures - 1, 10))
                pause *= random.uniform(0.75, 1.25)  # noqa: S311 (not to come all at once)
                log.warning(
                    "%s is tried again in %.1f s: %s", key, pause, error, exc_info=not _expected(error)
                )
                self.add(key, pause)
            finally:
                self._running.discard(key)
                self._changed.set()


class Watch:
    """What the watch of the API server showed, so that changes that cannot matter (our own writes of a
    status) are not looked at."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._marks: dict[Key, Any] = {}

    def saw(self, key: Key, mark: object | None) -> None:
        """A resource is there, with these traits that matter; None: it is gone."""
        if mark is None:
            self._marks.pop(key, None)
        elif self._marks.get(key) == mark:
            return
        else:
            self._marks[key] = mark
        self._work.add(key)


def _expected(error: Exception) -> bool:
    """Whether it says all there is to know: an outage, not a bug."""
    return isinstance(error, CiftError | ApiError | ApiUnavailable)
