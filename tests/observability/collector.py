"""An OTLP receiver for tests: decodes what is posted to it with OpenTelemetry's own messages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.target import eventually


@dataclass(frozen=True)
class Span:
    """A received span; ids in hex, no parent: an empty string."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    started_ns: int
    ended_ns: int
    attributes: dict[str, str]
    error: str
    links: tuple[str, ...]
    """Trace ids."""


class Collector:
    """What has been received so far."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._lock = threading.Lock()
        self._spans: list[Span] = []

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for resource in request.resource_spans:
                of = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._spans.append(
                            Span(
                                of["service.name"],
                                span.name,
                                span.trace_id.hex(),
                                span.span_id.hex(),
                                span.parent_span_id.hex(),
                                span.kind,
                                span.start_time_unix_nano,
                                span.end_time_unix_nano,
                                {
                                    each.key: each.value.string_value or str(each.value.int_value)
                                    for each in span.attributes
                                },
                                span.status.message,
                                tuple(link.trace_id.hex() for link in span.links),
                            )
                        )

    @property
    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    def trace(self, trace_id: str, *names: str) -> dict[str, Span]:
        """The spans of a trace by name, as soon as all these names have arrived."""

        def found() -> dict[str, Span] | None:
            of = {span.name: span for span in self.spans if span.trace_id == trace_id}
            return of if of.keys() >= set(names) else None

        def missing() -> str:
            of = {span.name for span in self.spans if span.trace_id == trace_id}
            return f"all spans of the trace; received: {sorted(of)}"

        try:
            arrived: dict[str, Span] = eventually(found, "all spans")
        except AssertionError as error:
            raise AssertionError(missing()) from error
        return arrived


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
            collector.take(body)
            response = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
