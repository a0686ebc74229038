"""What the handlers of every kind share: settings, the API server, the exchange's stores, the cluster id."""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from cift.platform.stores import Platform
from operators.conditions import Condition, newly_unmet
from operators.events import Recorder
from operators.jetstream import JetStream
from operators.kube import GROUP_VERSION, ApiError, Kube, Object, path_of
from operators.settings import OperatorSettings
from operators.work import Key

log = logging.getLogger("cift.operator")
STREAMS_KEPT_S = 5.0
FANOUT_STREAMS = ("UPDATES",)
"""The streams of account events and of market data."""
KINDS = {"tradingaccounts": "TradingAccount", "marketstreams": "MarketStream"}


@dataclass
class Context:
    """One running operator."""

    settings: OperatorSettings
    platform: Platform
    kube: Kube
    recorder: Recorder
    jetstream: JetStream
    _cluster: str = ""
    _streams_missing: tuple[str, ...] = ()
    _streams_until: float = 0.0
    _streams_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def cluster(self) -> str:
        """The cluster's id: the uid of its namespace kube-system. Raises ApiError, ApiUnavailable."""
        if not self._cluster:
            found = await self.kube.get("/api/v1/namespaces/kube-system")
            assert found is not None, "every cluster has the namespace kube-system"
            self._cluster = found["metadata"]["uid"]
        return self._cluster

    async def streams_missing(self) -> tuple[str, ...]:
        """Which of the exchange's own streams do not exist. Cached for five seconds. Raises Unavailable."""
        async with self._streams_lock:
            if time.monotonic() >= self._streams_until:
                missing = [name for name in FANOUT_STREAMS if await self.jetstream.stream(name) is None]
                self._streams_missing = tuple(missing)
                self._streams_until = time.monotonic() + STREAMS_KEPT_S
            return self._streams_missing

    async def resource(self, key: Key) -> Object | None:
        """The current resource, with apiVersion and kind. None if there is none.

        Raises ApiError, ApiUnavailable."""
        found = await self.kube.get(path_of(key.kind, key.namespace, key.name))
        if found is not None:
            found.setdefault("apiVersion", GROUP_VERSION)
            found.setdefault("kind", KINDS[key.kind])
        return found

    async def write_status(self, key: Key, body: Object, status: dict[str, Any]) -> bool:
        """Write `status` if it differs from the status in `body`. Returns whether it was written: not if the
        resource is gone or replaced. Raises ApiError, ApiUnavailable."""
        if status == (body.get("status") or {}):
            return False
        path = path_of(key.kind, key.namespace, key.name, "status")
        try:
            await self.kube.apply(path, {**identity(body), "status": status}, "status")
        except ApiError as error:
            if error.status in (404, 409):  # gone, or replaced by another resource of the same name
                return False
            raise
        return True

    async def set_finalizer(self, key: Key, body: Object, finalizer: str, *, present: bool) -> None:
        """Add or remove one of our finalizers. Raises ApiError, ApiUnavailable."""
        applied = identity(body)
        if present:
            applied["metadata"]["finalizers"] = [finalizer]
        path = path_of(key.kind, key.namespace, key.name)
        try:
            # With a field manager of its own: applying the status must not remove the finalizer.
            await self.kube.apply(path, applied, "finalizer", "cift-operator-finalizer")
        except ApiError as error:
            if present or error.status not in (404, 409):
                raise

    def record_unmet(self, body: Object, conditions: list[Condition]) -> None:
        """Record a warning event for each condition that is newly unmet, once for each message."""
        recorded: set[str] = set()
        for each in newly_unmet(conditions, (body.get("status") or {}).get("conditions") or []):
            if each.message not in recorded:
                recorded.add(each.message)
                self.recorder.record(body, each.reason, each.message, warning=True)


def identity(body: Object) -> Object:
    """The fields that an apply must carry. With the uid it fails for another resource of the same name."""
    meta = body["metadata"]
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
    }
