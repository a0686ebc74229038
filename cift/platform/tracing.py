"""Spans of this process, exported to an OpenTelemetry collector (OTLP over HTTP).

Imported only where the setting `otlp_endpoint` names a collector. `record` appends a tuple to a bounded
queue; a thread encodes and posts the queue twice a second. If the collector is slow or gone, spans are lost,
not time.

The thread imports the messages of OTLP (`opentelemetry-proto`, 40 ms) when it has the first span: after the
first response. OpenTelemetry's SDK is not used: its import takes 250 ms, and a span's ids come from the
exchange's own trace context.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import urllib.request
from collections import deque
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

from cift.platform import telemetry
from cift.platform.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

log = logging.getLogger("cift.tracing")
QUEUE_SPANS_MAX = 10_000
BATCH_SPANS_MAX = 512
EVERY_S = 0.5
POST_TIMEOUT_S = 5.0
FLUSH_TIMEOUT_S = 2.0
_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


class Finished(NamedTuple):
    """A finished span; ids in hex, times in ns since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, str | int]
    error: str | None
    links: tuple[tuple[str, str], ...]
    """Trace id and span id of spans in other traces that this one belongs to as well."""


class Tracer:
    """Takes the spans of this process and exports them."""

    def __init__(self, endpoint: str, ratio: float, service: str) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._ratio = ratio
        self._service = service
        self._queue: deque[Finished] = deque(maxlen=QUEUE_SPANS_MAX)
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._failing = False
        threading.Thread(target=self._run, name="spans", daemon=True).start()

    def samples(self) -> bool:
        """Whether a request without a trace context of its own is traced."""
        return self._ratio >= 1 or random.random() < self._ratio  # noqa: S311 (no secret)

    def record(self, span: Finished) -> None:
        """Queue a finished span. Beyond QUEUE_SPANS_MAX the oldest is lost."""
        self._idle.clear()
        self._queue.append(span)

    def flush(self) -> None:
        """Wait until the queue is exported, at most FLUSH_TIMEOUT_S."""
        if self._queue:
            self._wake.set()
        self._idle.wait(FLUSH_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            self._wake.wait(EVERY_S)
            self._wake.clear()
            while self._queue:
                self._post([self._queue.popleft() for _ in range(min(len(self._queue), BATCH_SPANS_MAX))])
            self._idle.set()

    def _post(self, spans: list[Finished]) -> None:
        try:
            request = urllib.request.Request(  # noqa: S310 (the operator's own address)
                self._url, encode(spans, self._service), {"content-type": "application/x-protobuf"}
            )
            with urllib.request.urlopen(request, timeout=POST_TIMEOUT_S):  # noqa: S310
                self._failing = False
        except Exception as error:  # an export must never end this thread
            if not self._failing:
                log.warning("%d spans are lost: %s: %r", len(spans), self._url, error)
            self._failing = True


def encode(spans: Iterable[Finished], service: str) -> bytes:
    """The spans as an OTLP request."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import Status

    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(
        _attributes({"service.name": service, "service.namespace": "cift", "process.pid": os.getpid()})
    )
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "cift", _version()
    for each in spans:
        span = scope.spans.add()
        span.trace_id, span.span_id = bytes.fromhex(each.trace_id), bytes.fromhex(each.span_id)
        span.parent_span_id = bytes.fromhex(each.parent_id or "")
        span.name, span.kind = each.name, _KINDS[each.kind]
        span.start_time_unix_nano, span.end_time_unix_nano = each.started_ns, each.ended_ns
        span.attributes.extend(_attributes(each.attributes))
        for trace_id, span_id in each.links:
            span.links.add(trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id))
        if each.error is not None:
            span.status.code, span.status.message = Status.STATUS_CODE_ERROR, each.error
    encoded: bytes = request.SerializeToString()
    return encoded


def _attributes(values: Mapping[str, str | int]) -> list[KeyValue]:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    return [
        KeyValue(
            key=key,
            value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value),
        )
        for key, value in values.items()
    ]


def _version() -> str:
    try:
        return version("cift")
    except PackageNotFoundError:
        return ""


def start(settings: Settings) -> None:
    """Export the spans of this process to `settings.otlp_endpoint`. A second call changes nothing."""
    if telemetry.tracer is None:
        service = os.environ.get("OTEL_SERVICE_NAME") or "functions"
        telemetry.tracer = Tracer(settings.otlp_endpoint, settings.trace_ratio, service)
