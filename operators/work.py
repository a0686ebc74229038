"""The work queue: keys of resources, each with a due time, processed by `WORKERS` workers.

It follows the workqueue of Kubernetes' own controllers: a key that is added while it waits is processed once;
one key is never processed by two workers at the same time; after a failure the key is retried with growing
pauses (1 s to `RETRY_MAX_S`), which a success resets.
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
    """Names a resource. `kind` is the plural, as in URLs."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


class RequeueAfter(Exception):
    """Reconcile again after `after_s`. Not a failure: the work is not finished yet."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"requeue after {after_s:g} s")
        self.after_s = after_s


class WorkQueue:
    """Keys that wait for `ensure`."""

    def __init__(self, ensure: Callable[[Key], Awaitable[None]]) -> None:
        self._ensure = ensure
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, after_s: float = 0.0) -> None:
        """Queue a resource. It becomes due after `after_s`, or earlier if an earlier time is queued."""
        due = asyncio.get_running_loop().time() + after_s
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        metrics.waiting.set(len(self._due))
        self._changed.set()

    async def run(self) -> None:
        """Process keys until cancelled."""
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
                    if self._due.get(key) != due:  # already processed, or now due earlier
                        heapq.heappop(self._heap)
                        continue
                    if due > loop.time():
                        wait = due - loop.time()
                        break
                    heapq.heappop(self._heap)
                    if key in self._running:
                        busy.append((due, key))  # `_worker` sets `_changed` when it is done with the key
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
            except RequeueAfter as requeue:
                self._failures.pop(key, None)
                self.add(key, requeue.after_s)
            except Exception as error:
                failures = self._failures[key] = self._failures.get(key, 0) + 1
                pause = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(failures - 1, 10))
                pause *= random.uniform(0.75, 1.25)  # noqa: S311 (spreads the retries)
                log.warning(
                    "%s failed, retrying in %.1f s: %s", key, pause, error, exc_info=not _expected(error)
                )
                self.add(key, pause)
            finally:
                self._running.discard(key)
                self._changed.set()


class Watch:
    """Filters watch events: changes without effect, such as our own status writes, queue nothing."""

    def __init__(self, work: WorkQueue) -> None:
        self._work = work
        self._fingerprints: dict[Key, Any] = {}

    def saw(self, key: Key, fingerprint: object | None) -> None:
        """Queue the key if the fingerprint of its relevant fields changed. None: the resource is gone."""
        if fingerprint is None:
            self._fingerprints.pop(key, None)
        elif self._fingerprints.get(key) == fingerprint:
            return
        else:
            self._fingerprints[key] = fingerprint
        self._work.add(key)


def _expected(error: Exception) -> bool:
    """Whether the error is an outage rather than a bug. Its message is enough then, without a traceback."""
    return isinstance(error, CiftError | ApiError | ApiUnavailable)
