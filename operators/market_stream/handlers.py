"""Handlers of MarketStream. `ensure()` makes the stream and its consumers what the resource declares."""

import time
from typing import Any

import kopf

from cift.kernel.clock import now_ns, parse_rfc3339
from cift.kernel.errors import CiftError, Refused, Unavailable
from operators import conditions, metrics
from operators.conditions import Condition
from operators.context import Context
from operators.kube import ApiError, ApiUnavailable, Object
from operators.market_stream import plan as plans
from operators.market_stream.plan import Desired, Observed
from operators.work import Key, RequeueAfter

KIND = "marketstreams"
ROUNDS_MAX = 5
RECHECK_BLOCKED_S = 15.0


@kopf.on.event("cift.markets", "v1alpha1", KIND)
async def changed(event: Any, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Queue a resource that was listed at the start, or whose relevant fields changed."""
    meta = body["metadata"]
    fingerprint = (
        meta["uid"],
        meta["generation"],
        meta.get("deletionTimestamp"),
        tuple(meta.get("finalizers") or ()),
    )
    key = Key(KIND, meta["namespace"], meta["name"])
    memo.watch.saw(key, None if event["type"] == "DELETED" else fingerprint)


async def ensure(context: Context, key: Key) -> None:
    """Reconcile one resource.

    Raises:
        RequeueAfter: the resource is not Ready, or it changed meanwhile. Reconcile it again after this time.
        CiftError, ApiError, ApiUnavailable: retry.
    """
    body = await context.resource(key)
    if body is None:
        return  # its stream stays, or was deleted before the finalizer was removed
    began = time.monotonic()
    outcome = "failed"
    try:
        outcome = await _Reconciliation(context, key, body, await context.cluster()).ensure()
    finally:
        metrics.ensured.labels("MarketStream", outcome).inc()
        metrics.ensure_seconds.labels("MarketStream").observe(time.monotonic() - began)
    if outcome == "blocked":
        raise RequeueAfter(RECHECK_BLOCKED_S)


class _Reconciliation:
    """Compares one resource with JetStream and takes the steps that are missing."""

    def __init__(self, context: Context, key: Key, body: Object, cluster: str) -> None:
        self.context, self.key, self.body, self.cluster = context, key, body, cluster
        self.wanted: Desired = plans.desired_of(body, cluster, context.settings.namespace)

    async def ensure(self) -> str:
        """Take steps until none are left, then write the status.

        Returns "settled" if the resource is Ready or being deleted, else "blocked".
        """
        refused: dict[str, Condition] = {}
        try:
            for _ in range(ROUNDS_MAX):
                seen = await self.observe()
                todo = plans.plan(self.wanted, seen)
                if not todo.steps or refused:
                    break
                for step in todo.steps:
                    metrics.steps.labels("MarketStream", type(step).__name__).inc()
                    try:
                        await self.act(step)
                    except Refused as error:
                        kind = "ConsumersReady" if isinstance(step, plans.PutConsumer) else "StreamReady"
                        refused[kind] = conditions.unmet(kind, "RefusedByNats", error.message)
                        break
                    if isinstance(step, plans.SetFinalizer) and self.wanted.deleting:
                        return "settled"  # deleted, or kept by the finalizers of other controllers
                await self._reload()
            else:
                raise RequeueAfter(1.0)
        except Unavailable as error:
            await self._report_unreachable(error)
            raise
        left = plans.Plan(todo.steps, {**todo.blocked, **refused}, todo.kept)
        found = plans.conditions(self.wanted, seen, left)
        before = (self.body.get("status") or {}).get("conditions") or []
        status: dict[str, Any] = {
            "observedGeneration": self.wanted.generation,
            "conditions": conditions.stamped(found, before, self.wanted.generation, now_ns()),
        }
        if seen.config is not None:
            status |= {"messages": seen.messages, "bytes": seen.bytes, "consumers": len(seen.consumers)}
        if await self.context.write_status(self.key, self.body, status):
            self.context.record_unmet(self.body, found)
        return "settled" if found[0].status == "True" else "blocked"

    async def _reload(self) -> None:
        body = await self.context.resource(self.key)
        if body is None or body["metadata"]["uid"] != self.wanted.uid:
            raise RequeueAfter(0.0)
        self.body, self.wanted = body, plans.desired_of(body, self.cluster, self.context.settings.namespace)

    async def _report_unreachable(self, error: CiftError) -> None:
        """Set all conditions of a new spec to Unknown. A spec that was reconciled keeps its conditions."""
        status = dict(self.body.get("status") or {})
        if status.get("observedGeneration") == self.wanted.generation:
            return
        sentence = f"{error.message}; the operator retries"
        found = [
            conditions.unknown(each, "NatsUnavailable", sentence)
            for each in ("Ready", "StreamReady", "ConsumersReady")
        ]
        before = status.get("conditions") or []
        status["conditions"] = conditions.stamped(found, before, self.wanted.generation, now_ns())
        try:
            await self.context.write_status(self.key, self.body, status)
        except (ApiError, ApiUnavailable):
            pass  # the caller raises `error`, which matters more

    async def observe(self) -> Observed:
        wanted, jetstream = self.wanted, self.context.jetstream
        info = await jetstream.stream(wanted.stream)
        if info is None:
            return Observed(None, 0, 0, 0, now_ns(), {}, False)
        state, config = info["state"], info["config"]
        first = parse_rfc3339(state.get("first_ts") or "") if state["messages"] else 0
        consumers = await jetstream.consumers(wanted.stream)
        return Observed(
            config=config,
            messages=state["messages"],
            bytes=state["bytes"],
            first_at_ns=first or 0,
            now_ns=now_ns(),
            consumers={each["name"]: each["config"] for each in consumers},
            holder_gone=await self._holder_is_gone(config.get("metadata") or {}),
        )

    async def _holder_is_gone(self, metadata: dict[str, str]) -> bool:
        """Whether the stream's metadata names another resource as its manager, which no longer exists."""
        holder, full_name = metadata.get(plans.MANAGED_BY), metadata.get(plans.MANAGED_AS, "")
        if holder in (None, self.wanted.uid) or metadata.get(plans.MANAGED_IN) != self.cluster:
            return False
        namespace, _, name = full_name.partition("/")
        try:
            found = await self.context.resource(Key(KIND, namespace, name))
        except ApiError:
            return False  # no permission to read it, so it may exist
        return found is None or found["metadata"]["uid"] != holder

    async def act(self, step: plans.Step) -> None:
        """Take one step. Raises Refused, Unavailable, ApiError, ApiUnavailable."""
        jetstream, record = self.context.jetstream, self.context.recorder.record
        match step:
            case plans.CreateStream(config):
                await jetstream.create_stream(config)
                record(self.body, "StreamCreated", f"Created the stream {config['name']}")
            case plans.UpdateStream(config, changed):
                await jetstream.update_stream(config)
                fields = ", ".join(name for name in changed if name != "metadata") or "its manager"
                record(self.body, "StreamUpdated", f"Updated the stream {config['name']}: {fields}")
            case plans.DeleteStream(stream):
                await jetstream.delete_stream(stream)
                record(self.body, "StreamDeleted", f"Deleted the stream {stream} (deletionPolicy Delete)")
            case plans.PutConsumer(stream, config, create):
                await jetstream.put_consumer(stream, config, create=create)
                done = "Created" if create else "Updated"
                record(self.body, f"Consumer{done}", f"{done} the consumer {config['durable_name']}")
            case plans.DeleteConsumer(stream, name):
                await jetstream.delete_consumer(stream, name)
                record(self.body, "ConsumerDeleted", f"Deleted the consumer {name}: no longer declared")
            case plans.SetFinalizer(present):
                await self.context.set_finalizer(self.key, self.body, plans.FINALIZER, present=present)
