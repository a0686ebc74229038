"""Kubernetes events: what happened to a resource, as `kubectl describe` prints it.

A background task writes them in order, after the writes that change something. The queue is bounded: when the
API server accepts none, the newest are dropped, because the conditions hold what matters. There is one event
for each completed step and each obstacle, so nothing is aggregated.
"""

import asyncio
import logging
from typing import Any

from cift.kernel.clock import now_ns, rfc3339, to_datetime
from cift.kernel.ids import uuid7
from operators import metrics
from operators.kube import MANAGER, ApiError, ApiUnavailable, Kube, Object, path_of

log = logging.getLogger("cift.operator")
WAITING_MAX = 5_000
MESSAGE_MAX_CHARACTERS = 1_000
TRIES_MAX = 5
RETRY_S = 2.0


class Recorder:
    """Writes events in the background."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._waiting: asyncio.Queue[tuple[str, Object]] = asyncio.Queue(WAITING_MAX)

    def record(self, about: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """Log an event about a resource and queue it. `reason` is one word, `message` one sentence."""
        meta = about["metadata"]
        moment = now_ns()
        log.info(
            message,
            extra={
                "resource": f"{meta['namespace']}/{meta['name']}",
                "kind": about["kind"],
                "reason": reason,
            },
        )
        event: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name'][:200]}.{uuid7()}", "namespace": meta["namespace"]},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": meta["namespace"],
                "name": meta["name"],
                "uid": meta["uid"],
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message[:MESSAGE_MAX_CHARACTERS],
            "reportingComponent": MANAGER,
            "source": {"component": MANAGER},
            "firstTimestamp": f"{to_datetime(moment):%Y-%m-%dT%H:%M:%SZ}",
            "lastTimestamp": f"{to_datetime(moment):%Y-%m-%dT%H:%M:%SZ}",
            "eventTime": rfc3339(moment),
            "reportingInstance": MANAGER,
            "action": reason,
            "count": 1,
        }
        try:
            self._waiting.put_nowait((path_of("events", meta["namespace"]), event))
        except asyncio.QueueFull:
            metrics.events_dropped.inc()

    async def run(self) -> None:
        """Write queued events until cancelled."""
        while True:
            path, event = await self._waiting.get()
            for _ in range(TRIES_MAX):
                try:
                    await self._kube.create(path, event, "event", urgent=False)
                    break
                except ApiUnavailable:
                    await asyncio.sleep(RETRY_S)
                except ApiError as error:  # for example: the namespace is being deleted
                    log.debug("the API server rejected an event: %s", error)
                    break
            else:
                metrics.events_dropped.inc()
