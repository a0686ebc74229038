"""MarketStream, observed and acted upon: `ensure()` makes stream and consumers what the resource declares."""

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
from operators.work import Again, Key

KIND = "marketstreams"
ROUNDS_MAX = 5
AGAIN_BLOCKED_S = 15.0


@kopf.on.event("cift.markets", "v1alpha1", KIND)
async def changed(event: Any, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Something happened to a resource, or it was listed at the start: look at it, if it may matter."""
    meta = body["metadata"]
    mark = (
        meta["uid"],
        meta["generation"],
        meta.get("deletionTimestamp"),
        tuple(meta.get("finalizers") or ()),
    )
    key = Key(KIND, meta["namespace"], meta["name"])
    memo.watch.saw(key, None if event["type"] == "DELETED" else mark)


async def ensure(context: Context, key: Key) -> None:
    """One look at a resource, and what follows.

    Raises:
        Again: something stands in the way.
        CiftError, ApiError, ApiUnavailable: to be tried again.
    """
    body = await context.resource(key)
    if body is None:
        return  # what it managed stays, or went before its finalizer did
    began = time.monotonic()
    outcome = "failed"
    try:
        outcome = await _Look(context, key, body, await context.cluster()).ensure()
    finally:
        metrics.ensured.labels("MarketStream", outcome).inc()
        metrics.ensure_seconds.labels("MarketStream").observe(time.monotonic() - began)
    if outcome == "blocked":
        raise Again(AGAIN_BLOCKED_S)


class _Look:
    """One look at one resource."""

    def __init__(self, context: Context, key: Key, body: Object, cluster: str) -> None:
        self.context, self.key, self.body, self.cluster = context, key, body, cluster
        self.wanted: Desired = plans.desired_of(body, cluster)

    async def ensure(self) -> str:
        """Take steps until none are left, then write the status; settled or blocked."""
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
                        where = "ConsumersReady" if isinstance(step, plans.PutConsumer) else "StreamReady"
                        refused[where] = conditions.no(where, "RefusedByNats", error.message)
                        break
                    if isinstance(step, plans.SetFinalizer) and self.wanted.deleting:
                        return "settled"  # it is gone, or waits for others
                await self._look_again()
            else:
                raise Again(1.0)
        except Unavailable as error:
            await self._tell_unreachable(error)
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
            self.context.tell_news(self.body, found)
        return "settled" if found[0].status == "True" else "blocked"

    async def _look_again(self) -> None:
        body = await self.context.resource(self.key)
        if body is None or body["metadata"]["uid"] != self.wanted.uid:
            raise Again(0.0)
        self.body, self.wanted = body, plans.desired_of(body, self.cluster)

    async def _tell_unreachable(self, error: CiftError) -> None:
        """Say why a spec could not be looked at. What was settled stays so."""
        status = dict(self.body.get("status") or {})
        if status.get("observedGeneration") == self.wanted.generation:
            return
        sentence = f"{error.message}; it is tried again"
        found = [
            conditions.unknown(each, "NatsUnavailable", sentence)
            for each in ("Ready", "StreamReady", "ConsumersReady")
        ]
        before = status.get("conditions") or []
        status["conditions"] = conditions.stamped(found, before, self.wanted.generation, now_ns())
        try:
            await self.context.write_status(self.key, self.body, status)
        except (ApiError, ApiUnavailable):
            pass  # the outage itself is what is raised

    async def observe(self) -> Observed:
        wanted, jetstream = self.wanted, self.context.jetstream
        told = await jetstream.stream(wanted.stream)
        if told is None:
            return Observed(None, 0, 0, 0, now_ns(), {}, False)
        state, config = told["state"], told["config"]
        first = parse_rfc3339(state.get("first_ts") or "") if state["messages"] else 0
        consumers = await jetstream.consumers(wanted.stream)
        return Observed(
            config=config,
            messages=state["messages"],
            bytes=state["bytes"],
            first_at_ns=first or 0,
            now_ns=now_ns(),
            consumers={each["name"]: each["config"] for each in consumers},
            holder_gone=await self._is_gone(config.get("metadata") or {}),
        )

    async def _is_gone(self, metadata: dict[str, str]) -> bool:
        """Whether the other resource that the stream names is certain not to exist."""
        holder, name = metadata.get(plans.MANAGED_BY), metadata.get(plans.MANAGED_AS, "")
        if holder in (None, self.wanted.uid) or metadata.get(plans.MANAGED_IN) != self.cluster:
            return False
        namespace, _, name = name.partition("/")
        try:
            found = await self.context.resource(Key(KIND, namespace, name))
        except ApiError:
            return False
        return found is None or found["metadata"]["uid"] != holder

    async def act(self, step: plans.Step) -> None:
        """Take one step. Raises Refused, Unavailable, ApiError, ApiUnavailable."""
        jetstream, tell = self.context.jetstream, self.context.recorder.tell
        match step:
            case plans.CreateStream(config):
                await jetstream.create_stream(config)
                tell(self.body, "StreamCreated", f"Created the stream {config['name']}")
            case plans.UpdateStream(config, changed):
                await jetstream.update_stream(config)
                fields = ", ".join(name for name in changed if name != "metadata") or "who manages it"
                tell(self.body, "StreamUpdated", f"Updated the stream {config['name']}: {fields}")
            case plans.DeleteStream(stream):
                await jetstream.delete_stream(stream)
                tell(self.body, "StreamDeleted", f"Deleted the stream {stream}, by deletionPolicy Delete")
            case plans.PutConsumer(stream, config, create):
                await jetstream.put_consumer(stream, config, create=create)
                done = "Created" if create else "Updated"
                tell(self.body, f"Consumer{done}", f"{done} the consumer {config['durable_name']}")
            case plans.DeleteConsumer(stream, name):
                await jetstream.delete_consumer(stream, name)
                tell(self.body, "ConsumerDeleted", f"Deleted the consumer {name}, declared no more")
            case plans.SetFinalizer(present):
                await self.context.set_finalizer(self.key, self.body, plans.FINALIZER, present=present)
