"""The steps from the actual to the declared state of a MarketStream. Pure.

Configurations are JetStream's own JSON. `_over` compares only declared fields. Undeclared fields stay as they
are, for example the `allow_direct` of a stream that matchd made.

Without deletionPolicy Delete no data is dropped: no stream, no messages by a smaller limit, no consumer's
position.

A resource declares only streams of its own namespace: the name begins with `stream_prefix`, every subject
with `subject_prefix`. The exchange's streams are reserved. The chart declares those of OPERATED in the
release's namespace. Before a stream that exists is changed or deleted, its owner and subjects are checked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operators.conditions import Condition, met, unmet

FINALIZER = "cift.markets/delete-stream"
MANAGED_BY, MANAGED_AS, MANAGED_IN = "cift.markets/uid", "cift.markets/resource", "cift.markets/cluster"
_DURATION = re.compile(r"(\d+)(ms|s|m|h)", re.ASCII)
_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
Config = dict[str, Any]
OPERATED: Mapping[str, tuple[str, ...]] = {"DLQ": ("dlq.>",), "TICKS": ("factors.>", "ticks.>")}
"""Streams of the exchange that the operator creates: name and subjects."""
TENANTS = "tenants"
"""The first word of every tenant's subjects."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What a resource declares."""

    uid: str
    name: str
    """namespace/name"""
    cluster: str
    generation: int
    stream: str
    config: Config
    consumers: Mapping[str, Config]
    at_home: bool
    """The resource is in the namespace of the release, whose chart declares the streams of OPERATED."""
    deletes: bool
    """deletionPolicy Delete."""
    deleting: bool
    has_finalizer: bool

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    @property
    def ownership(self) -> dict[str, str]:
        """The metadata that names this resource as the manager of a stream or consumer."""
        return {MANAGED_BY: self.uid, MANAGED_AS: self.name, MANAGED_IN: self.cluster}


@dataclass(frozen=True, slots=True)
class Observed:
    """The actual state."""

    config: Config | None
    """None: the stream does not exist."""
    messages: int
    bytes: int
    first_at_ns: int
    """Time of the oldest message; 0 without messages."""
    now_ns: int
    consumers: Mapping[str, Config]
    holder_gone: bool
    """The stream's metadata names another resource, which no longer exists."""

    @property
    def holder(self) -> str | None:
        return ((self.config or {}).get("metadata") or {}).get(MANAGED_BY)


@dataclass(frozen=True, slots=True)
class CreateStream:
    config: Config


@dataclass(frozen=True, slots=True)
class UpdateStream:
    config: Config
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteStream:
    stream: str


@dataclass(frozen=True, slots=True)
class PutConsumer:
    stream: str
    config: Config
    create: bool


@dataclass(frozen=True, slots=True)
class DeleteConsumer:
    stream: str
    name: str


@dataclass(frozen=True, slots=True)
class SetFinalizer:
    present: bool


Step = CreateStream | UpdateStream | DeleteStream | PutConsumer | DeleteConsumer | SetFinalizer


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that can be taken now, what blocks the others, and what is kept on purpose."""

    steps: tuple[Step, ...]
    blocked: Mapping[str, Condition]
    kept: tuple[str, ...] = ()
    """Consumers that are no longer declared but kept, because deletionPolicy is Retain."""


def nanoseconds(text: str) -> int:
    """Nanoseconds of a duration such as `90s` or `24h`, in the form that the CRD admits."""
    found = _DURATION.fullmatch(text)
    assert found is not None, f"the API server does not admit the duration {text!r}"
    return int(found[1]) * _NS[found[2]]


def stream_prefix(namespace: str) -> str:
    """How the names of a namespace's streams begin: `team-a` → `TEAM_A_`."""
    return f"{namespace.upper().replace('-', '_')}_"


def subject_prefix(namespace: str) -> str:
    """How the subjects of a namespace's streams begin: `team-a` → `tenants.team-a.`."""
    return f"{TENANTS}.{namespace}."


def desired_of(body: Mapping[str, Any], cluster: str, home: str) -> Desired:
    """What a resource declares. The API server has validated it (charts/cift-crds). `home` is the namespace
    of the release."""
    meta, spec = body["metadata"], body["spec"]
    age = nanoseconds(spec["maxAge"]) if "maxAge" in spec else 0
    window = nanoseconds(spec.get("duplicateWindow", "120s"))
    config = {
        "name": spec["stream"],
        "subjects": sorted(spec["subjects"]),
        "storage": spec.get("storage", "file"),
        "retention": spec.get("retention", "limits"),
        "discard": spec.get("discard", "old"),
        "num_replicas": spec.get("replicas", 1),
        "max_bytes": spec.get("maxBytes", -1),
        "max_msgs": spec.get("maxMessages", -1),
        "max_msgs_per_subject": spec.get("maxMessagesPerSubject", -1),
        "max_msg_size": spec.get("maxMessageBytes", -1),
        "max_age": age,
        "duplicate_window": min(window, age) if age else window,
    }
    return Desired(
        uid=meta["uid"],
        name=f"{meta['namespace']}/{meta['name']}",
        cluster=cluster,
        generation=meta["generation"],
        stream=spec["stream"],
        config=config,
        consumers={each["name"]: _consumer(each) for each in spec.get("consumers") or ()},
        at_home=meta["namespace"] == home,
        deletes=spec.get("deletionPolicy") == "Delete",
        deleting="deletionTimestamp" in meta,
        has_finalizer=FINALIZER in (meta.get("finalizers") or ()),
    )


def _consumer(spec: Mapping[str, Any]) -> Config:
    config: Config = {
        "durable_name": spec["name"],
        "deliver_policy": spec.get("from", "all"),
        "ack_policy": spec.get("acknowledge", "explicit"),
        "replay_policy": "instant",
        "max_deliver": spec.get("maxDeliver", -1),
    }
    if "subject" in spec:
        config["filter_subject"] = spec["subject"]
    if config["ack_policy"] != "none":
        config["ack_wait"] = nanoseconds(spec.get("ackWait", "30s"))
        config["max_ack_pending"] = spec.get("maxAckPending", 1000)
    return config


def plan(wanted: Desired, seen: Observed) -> Plan:
    """The steps from the actual to the declared state."""
    if wanted.deleting:
        return _plan_deletion(wanted, seen)
    outside = _outside(wanted)
    if outside is not None:
        # A resource that declares nothing of its own needs no finalizer: its deletion deletes nothing.
        return Plan((SetFinalizer(False),) if wanted.has_finalizer else (), {"StreamReady": outside})
    steps: list[Step] = []
    if wanted.deletes != wanted.has_finalizer:
        steps.append(SetFinalizer(wanted.deletes))
    if seen.config is None:
        steps.append(CreateStream({**wanted.config, "metadata": wanted.ownership}))
        steps += [
            PutConsumer(wanted.stream, {**config, "metadata": wanted.ownership}, True)
            for config in wanted.consumers.values()
        ]
        return Plan(tuple(steps), {})
    blocked = _blocked(wanted, seen)
    if blocked is not None:
        return Plan(tuple(steps), {"StreamReady": blocked})
    merged, changed = _over(seen.config, wanted.config, wanted.ownership)
    if changed:
        steps.append(UpdateStream(merged, changed))
    kept: list[str] = []
    for name, config in wanted.consumers.items():
        found = seen.consumers.get(name)
        if found is None:
            steps.append(PutConsumer(wanted.stream, {**config, "metadata": wanted.ownership}, True))
            continue
        # An absent filter means "no filter": unlike other undeclared fields, an old one is removed.
        merged, changed = _over(found, {"filter_subject": "", **config}, wanted.ownership)
        if changed:
            steps.append(PutConsumer(wanted.stream, merged, False))
    for name, found in seen.consumers.items():
        if name not in wanted.consumers and (found.get("metadata") or {}).get(MANAGED_BY) == wanted.uid:
            if wanted.deletes:
                steps.append(DeleteConsumer(wanted.stream, name))
            else:
                kept.append(name)
    return Plan(tuple(steps), {}, tuple(sorted(kept)))


def _over(found: Config, declared: Config, ownership: dict[str, str]) -> tuple[Config, tuple[str, ...]]:
    """The found configuration overlaid with the declared one, and the names of the fields that change."""
    metadata = found.get("metadata") or {}
    changed = []
    for name, value in declared.items():
        now = found.get(name, _ABSENT.get(name))
        if (sorted(now or ()) if name == "subjects" else now) != value:
            changed.append(name)
    if any(metadata.get(name) != value for name, value in ownership.items()):
        changed.append("metadata")
    return {**found, **declared, "metadata": {**metadata, **ownership}}, tuple(changed)


_ABSENT = {
    "filter_subject": "",
    "max_age": 0,
    "max_bytes": -1,
    "max_msgs": -1,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
    "max_deliver": -1,
}
"""The values of fields that JetStream omits from its JSON."""


def _outside(wanted: Desired) -> Condition | None:
    """Why the declared names are not those of the resource's namespace, None if they are."""
    if wanted.at_home and wanted.config["subjects"] == list(OPERATED.get(wanted.stream, ())):
        return None
    prefix, below = stream_prefix(wanted.namespace), subject_prefix(wanted.namespace)
    if not wanted.stream.startswith(prefix):
        return unmet(
            "StreamReady",
            "OutsideNamespace",
            f"The name of a stream of the namespace {wanted.namespace} must begin with {prefix}, not"
            f" {wanted.stream}. Names of the exchange and of other namespaces are reserved",
        )
    foreign = [each for each in wanted.config["subjects"] if not each.startswith(below)]
    if foreign:
        return unmet(
            "StreamReady",
            "OutsideNamespace",
            f"The subjects of a stream of the namespace {wanted.namespace} must begin with {below}, not"
            f" {', '.join(foreign)}. Subjects of the exchange and of other namespaces are reserved",
        )
    return None


def _owned_by_namespace(wanted: Desired, config: Config) -> bool:
    """Whether an existing stream was made for this namespace in this cluster, or holds only its subjects."""
    metadata = config.get("metadata") or {}
    if MANAGED_BY in metadata:
        owner = metadata.get(MANAGED_AS, "").partition("/")[0]
        return owner == wanted.namespace and metadata.get(MANAGED_IN) == wanted.cluster
    if wanted.at_home and wanted.stream in OPERATED:
        return True
    below = subject_prefix(wanted.namespace)
    subjects = config.get("subjects") or []
    return bool(subjects) and all(each.startswith(below) for each in subjects)


def _blocked(wanted: Desired, seen: Observed) -> Condition | None:
    config = seen.config or {}

    def because(reason: str, message: str) -> Condition:
        return unmet("StreamReady", reason, message)

    if seen.holder not in (None, wanted.uid) and not seen.holder_gone:
        other = (config.get("metadata") or {}).get(MANAGED_AS)
        return because(
            "ManagedByAnother", f"The stream {wanted.stream} is managed by the MarketStream {other}"
        )
    if not _owned_by_namespace(wanted, config):
        return because(
            "NotOfThisNamespace",
            f"The stream {wanted.stream} exists and does not belong to the namespace {wanted.namespace}. Name"
            " another stream",
        )
    for name in ("storage", "retention"):
        if config.get(name) != wanted.config[name]:
            return because(
                f"{name.capitalize()}Differs",
                f"The stream {wanted.stream} exists with {name} {config.get(name)}, which cannot change."
                f" Declare {name} {config.get(name)}, or name another stream",
            )
    lost = None if wanted.deletes else _would_drop(wanted.config, seen)
    if lost is not None:
        return because(
            "WouldDropData",
            f"{lost}. deletionPolicy Retain forbids dropping data: raise the limit, or set Delete",
        )
    return None


def _would_drop(wanted: Config, seen: Observed) -> str | None:
    """A sentence if the update would drop data, else None."""
    now = seen.config or {}

    def tighter(name: str) -> bool:
        limit, before = wanted[name], now.get(name, -1)
        return bool(limit > 0 and (before <= 0 or limit < before))

    if tighter("max_bytes") and seen.bytes > wanted["max_bytes"]:
        return f"The stream holds {seen.bytes} bytes, more than maxBytes {wanted['max_bytes']}"
    if tighter("max_msgs") and seen.messages > wanted["max_msgs"]:
        return f"The stream holds {seen.messages} messages, more than maxMessages {wanted['max_msgs']}"
    if tighter("max_msgs_per_subject") and seen.messages > wanted["max_msgs_per_subject"]:
        return "A subject may hold more messages than maxMessagesPerSubject"
    if tighter("max_age") and 0 < seen.first_at_ns < seen.now_ns - wanted["max_age"]:
        return "The stream holds messages older than maxAge"
    return None


def _plan_deletion(wanted: Desired, seen: Observed) -> Plan:
    if not wanted.has_finalizer:
        return Plan((), {})
    steps: list[Step] = []
    ours = seen.holder == wanted.uid and _outside(wanted) is None
    if wanted.deletes and seen.config is not None and ours and _owned_by_namespace(wanted, seen.config):
        steps.append(DeleteStream(wanted.stream))
    return Plan((*steps, SetFinalizer(False)), {})


def conditions(wanted: Desired, seen: Observed, left: Plan) -> list[Condition]:
    """The conditions of an observation. `left` is the plan that remains after all steps were taken."""
    pending = [step for step in left.steps if not isinstance(step, SetFinalizer)]
    about_stream = [step for step in pending if isinstance(step, CreateStream | UpdateStream)]
    stream = left.blocked.get("StreamReady")
    if stream is None and (seen.config is None or about_stream):
        stream = unmet("StreamReady", "Pending", f"The stream {wanted.stream} is not as declared yet")
    stream = stream or met("StreamReady", "AsDeclared", f"The stream {wanted.stream} is as declared")
    consumers = left.blocked.get("ConsumersReady")
    missing = [name for name in wanted.consumers if name not in seen.consumers]
    if consumers is None and (missing or len(pending) > len(about_stream)):
        consumers = unmet("ConsumersReady", "Pending", "Not all consumers are as declared yet")
    if consumers is None and left.kept:
        names = ", ".join(left.kept)
        consumers = met(
            "ConsumersReady",
            "ConsumersKept",
            f"All declared consumers exist. No longer declared, but kept by deletionPolicy Retain: {names}",
        )
    count = len(wanted.consumers)
    consumers = consumers or met("ConsumersReady", "AsDeclared", f"{count} consumers are as declared")
    ready = met("Ready", "AsDeclared", "Stream and consumers are as declared")
    for each in (stream, consumers):
        if each.status != "True":
            ready = unmet("Ready", each.reason, each.message)
            break
    return [ready, stream, consumers]
