"""Metrics of the operator, in their own registry."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry = CollectorRegistry()

ensured = Counter(
    "operator_ensured_total",
    "Reconciliations of a resource, by outcome: settled, blocked (by a condition), failed (retried)",
    ("kind", "outcome"),
    registry=registry,
)
ensure_seconds = Histogram(
    "operator_ensure_seconds",
    "Duration of one reconciliation of a resource",
    ("kind",),
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=registry,
)
steps = Counter("operator_steps_total", "Steps taken", ("kind", "step"), registry=registry)
waiting = Gauge("operator_waiting", "Resources that wait to be reconciled", registry=registry)
resources = Gauge("operator_resources", "Resources at the last sweep", ("kind",), registry=registry)
ready = Gauge(
    "operator_resources_ready", "Resources that were Ready at the last sweep", ("kind",), registry=registry
)
writes = Counter("operator_writes_total", "Writes to the API server", ("what",), registry=registry)
events_dropped = Counter(
    "operator_events_dropped_total",
    "Events that were not written: the queue was full, or the API server unavailable",
    registry=registry,
)
sweeps = Counter("operator_sweeps_total", "Sweeps, by outcome", ("outcome",), registry=registry)
swept_at = Gauge("operator_swept_timestamp_seconds", "Time of the last successful sweep", registry=registry)
orphans = Counter(
    "operator_orphans_total", "Accounts released because their resource no longer exists", registry=registry
)
