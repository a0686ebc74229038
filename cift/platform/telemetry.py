"""Logs, trace context and metrics.

Logs are one JSON object per line on stdout. One context variable holds the request id, trace id and function
of the current work, so every log line written below a function has them. The trace context is W3C's
(`traceparent`, version 00); each engine command carries it through the journal, and the projectors' log lines
show it again. `span` measures a part of the work; spans are exported where the setting `otlp_endpoint` names
a collector (`tracing.py`), and cost nothing elsewhere.

Cost: a request's log line and metrics take about 10 µs; labels are bound once per function.
"""

import contextvars
import logging
import os
import re
import sys
import time
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from cift.kernel.clock import rfc3339
from cift.platform.metrics import Counted, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from cift.platform.tracing import Tracer

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
# The fields of every logging.LogRecord: all others were passed by `extra=`.
_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(slots=True)
class Trace:
    """The trace context of the current work. `trace_id` has 32 lower-case hex digits, the span ids 16."""

    request_id: str
    trace_id: str
    span_id: str
    function: str
    parent_id: str | None = None
    sampled: bool = False
    """Whether the spans of this trace are wanted: the caller's flag, or ours for a trace that begins here."""

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


current: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("cift_trace", default=None)
tracer: "Tracer | None" = None
"""Exports spans; None: no collector is configured."""


def begin(
    function: str, traceparent: str | None = None, request_id: str | None = None, *, sample: bool = False
) -> Trace:
    """Begin a span: in the caller's trace if `traceparent` is valid, else in a new trace. With `sample`, the
    configured share of new traces is exported; otherwise none.

    A request id must have 1 to 64 of the characters `A-Za-z0-9_.:-`; any other is replaced, never returned.
    """
    random = os.urandom(24).hex()
    trace_id, parent, sampled = random[:32], None, False
    if traceparent is not None:
        found = _TRACEPARENT.fullmatch(traceparent)
        # W3C §3.2.2: version ff is invalid, version 00 has no fifth part, ids of zeros are invalid.
        if (
            found is not None
            and found[1] != "ff"
            and not (found[1] == "00" and found[5])
            and found[2].strip("0")
            and found[3].strip("0")
        ):
            trace_id, parent = found[2], found[3]
            sampled = bool(int(found[4], 16) & 1)
    if parent is None and sample and tracer is not None:
        sampled = tracer.samples()
    if request_id is None or _REQUEST_ID.fullmatch(request_id) is None:
        request_id = trace_id
    trace = Trace(request_id, trace_id, random[32:], function, parent, sampled)
    current.set(trace)
    return trace


TRACES_MAX = 16
"""Traces of one message that are followed further."""


def sampled_parents(header: str | None) -> list[tuple[str, str]]:
    """Trace id and span id of the sampled contexts in a `traceparent` header of NATS, which lists one for
    each traced command, separated by commas."""
    parents = []
    for text in (header or "").split(",")[:TRACES_MAX]:
        found = _TRACEPARENT.fullmatch(text.strip())
        if found is not None and int(found[4], 16) & 1:
            parents.append((found[2], found[3]))
    return parents


class _Span:
    """A part of a traced request's work; `current` is this span until it ends."""

    __slots__ = ("_attributes", "_kind", "_name", "_outer", "_started_ns", "trace")

    def __init__(self, outer: Trace, name: str, kind: str, attributes: dict[str, str | int]) -> None:
        self._outer, self._name, self._kind, self._attributes = outer, name, kind, attributes
        self.trace = Trace(
            outer.request_id, outer.trace_id, os.urandom(8).hex(), outer.function, outer.span_id, True
        )

    def __enter__(self) -> Trace:
        self._started_ns = time.time_ns()
        current.set(self.trace)
        return self.trace

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        current.set(self._outer)
        record(
            self.trace,
            self._name,
            self._kind,
            self._started_ns,
            self._attributes,
            error=None if error is None else f"{type(error).__name__}: {error}",
        )


_NO_SPAN: AbstractContextManager[None] = nullcontext()


def span(name: str, kind: str = "internal", **attributes: str | int) -> AbstractContextManager[Trace | None]:
    """Measures a part of the current work as a span of its trace; does nothing if that is not exported.

    Args:
        kind: internal, server, client, producer or consumer.
        attributes: `a__b` is the attribute `a.b`.
    """
    if tracer is None:
        return _NO_SPAN
    outer = current.get()
    if outer is None or not outer.sampled:
        return _NO_SPAN
    return _Span(outer, name, kind, _dotted(attributes))


def _dotted(attributes: dict[str, str | int]) -> dict[str, str | int]:
    """Attributes by OpenTelemetry's names: `a__b`, as an argument is written, is `a.b`."""
    return {name.replace("__", "."): value for name, value in attributes.items()}


def record(
    trace: Trace,
    name: str,
    kind: str,
    started_ns: int,
    attributes: dict[str, str | int] | None = None,
    *,
    error: str | None = None,
    links: tuple[tuple[str, str], ...] = (),
) -> None:
    """Export `trace`'s span, which ends now, if the trace is sampled and there is a collector."""
    if tracer is None or not trace.sampled:
        return
    from cift.platform.tracing import Finished

    given = {"cift.function": trace.function, **(attributes or {})}
    tracer.record(
        Finished(
            trace.trace_id,
            trace.span_id,
            trace.parent_id,
            name,
            kind,
            started_ns,
            time.time_ns(),
            given,
            error,
            links,
        )
    )


def record_children(
    parents: list[tuple[str, str]],
    name: str,
    kind: str,
    started_ns: int,
    function: str,
    **attributes: str | int,
) -> None:
    """Export a span that ends now in each of these traces, linked to the current work if it is in another."""
    here, named = current.get(), _dotted(attributes)
    for trace_id, parent_id in parents:
        trace = Trace("", trace_id, os.urandom(8).hex(), function, parent_id, True)
        link = ((here.trace_id, here.span_id),) if here is not None and here.trace_id != trace_id else ()
        record(trace, name, kind, started_ns, named, links=link)


def write_line(fields: dict[str, Any]) -> None:
    """Write one JSON line to stdout. Never raises: a full disk must not stop the exchange."""
    try:
        os.write(1, orjson.dumps(fields, default=str, option=orjson.OPT_APPEND_NEWLINE))
    except OSError:
        pass


class JsonFormatter(logging.Formatter):
    """A log record as one JSON object, with the trace of its context."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": rfc3339(int(record.created * 1e9)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace = current.get()
        if trace is not None:
            line |= {
                "function": trace.function,
                "request_id": trace.request_id,
                "trace_id": trace.trace_id,
                "span_id": trace.span_id,
            }
        for name, value in vars(record).items():
            if name not in _RECORD_FIELDS:
                line[name] = value
        if record.exc_info:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return orjson.dumps(line, default=str).decode()


def configure_logs(form: str, level: str) -> None:
    """Write the logs of this process to stdout as `json` or `text`; `off` writes errors only, as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    if form == "text":
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    else:
        handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("ERROR" if form == "off" else level.upper())
    # cift.platform.nats logs a lost connection and a reconnect once; the library logs every attempt.
    logging.getLogger("nats").setLevel("CRITICAL")
    for library in ("httpx", "uvicorn.error"):
        logging.getLogger(library).setLevel("WARNING")


_SECONDS = (0.0005, 0.001, 0.002, 0.004, 0.006, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

requests_total = Counter("cift_requests", "Responses by function and status", ["function", "status"])
request_seconds = Histogram("cift_request_seconds", "Time to respond", ["function"], buckets=_SECONDS)
requests_in_flight = Gauge("cift_requests_in_flight", "Requests in progress", ["function"])
engine_requests = Counter("cift_engine_requests", "Requests to the engine by outcome", ["outcome"])
engine_commands_per_request = Histogram(
    "cift_engine_commands_per_request",
    "Commands sent in one request",
    buckets=(1, 2, 4, 8, 16, 32, 64, 100),
)
engine_seconds = Histogram(
    "cift_engine_seconds", "Time from sending a command to its durable result", buckets=_SECONDS
)
projector_sequence = Gauge("cift_projector_sequence", "Last record projected", ["function"])
projector_failures = Counter("cift_projector_failures", "Batches that failed and were retried", ["function"])
projector_seconds = Histogram(
    "cift_projector_batch_seconds", "Time for one batch", ["function"], buckets=_SECONDS
)
dead_letters = Counter("cift_dead_letters", "Messages moved to the stream DLQ", ["function"])
valkey_gone = Counter("cift_valkey_gone", "Fallbacks used because Valkey did not respond", ["use"])
ticks_archived = Counter("cift_ticks_archived", "Ticks written to the tick stores", ["kind"])
ticks_lost = Counter(
    "cift_ticks_lost_messages", "Messages that the stream TICKS dropped before they were archived"
)
rate_limited = Counter("cift_rate_limited", "Requests refused by a rate limit", ["kind"])


class FunctionMetrics:
    """The metrics of one function, with its labels bound once."""

    __slots__ = ("_by_status", "_function", "in_flight", "seconds")

    def __init__(self, function: str) -> None:
        self._function = function
        self._by_status: dict[int, Counted] = {}
        self.seconds = request_seconds.labels(function)
        self.in_flight = requests_in_flight.labels(function)

    def record(self, status: int, started_s: float) -> float:
        """Count a response whose request began at `time.perf_counter()` = started_s; returns its seconds."""
        took = time.perf_counter() - started_s
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._by_status[status] = requests_total.labels(self._function, str(status))
        counter.inc()
        self.seconds.observe(took)
        return took
