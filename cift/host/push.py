"""Event and timer functions, to which relay posts, and a daemon function alone, which runs by itself.

| kind | `POST /` |
|---|---|
| `on` | a batch (`cift/platform/cloud_event.py`) → 204; 409 `expected`, 422 `poison`, others are retried |
| `every` | a due time → runs once, 204; 409 `busy` while it runs |
| `daemon` | not called: it runs as long as the process |

All have `GET /health`, which uses no store, and `GET /metrics`. With `make run` one process serves many
functions, each at `POST /<its name>` (`EventsApp`).

At most one call runs at a time. After the function's `timeout_s` the call is cancelled and the response is
503 `timed_out`. A client that disconnects may retry: projectors skip what their offset already covers.
"""

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Iterable, Sequence

from cift.function import Function
from cift.host import errors
from cift.host.background import Background
from cift.host.plain import PlainServer, Request, Response
from cift.host.provide import BATCH, bind, name_of
from cift.kernel.errors import Conflict, Expected, NotFound, Refused, Unavailable
from cift.platform import cloud_event, journal, telemetry
from cift.platform.stores import Platform

log = logging.getLogger("cift.host")
_JSON = (b"content-type", b"application/json")
_HOST = (b"x-cift-origin", b"host")


class PushApp:
    """One function's `POST`, health and metrics."""

    def __init__(self, function: Function, platform: Platform, *, path: str = "/") -> None:
        assert function.kind not in ("http", "ws"), f"{function.name} is served by App"
        self._function, self._path = function, path
        self._call, self._batch_name = bind(function, platform), name_of(function, BATCH)
        self._running = False
        self._metrics = telemetry.FunctionMetrics(function.name)
        self._sequence = telemetry.projector_sequence.labels(function.name)
        self._failures = telemetry.projector_failures.labels(function.name)
        self._seconds = telemetry.projector_seconds.labels(function.name)
        self._origin = (b"x-cift-origin", function.name.encode())

    async def __call__(self, request: Request) -> Response:
        """Respond to one request; never raises."""
        if (probed := probe(request, self._origin)) is not None:
            return probed
        started = time.perf_counter()
        parent = request.headers.get(b"traceparent")
        trace = telemetry.begin(self._function.name, parent.decode("latin-1") if parent else None)
        started_ns = time.time_ns()
        headers = [(b"x-request-id", trace.request_id.encode()), self._origin]
        try:
            await self._work(request)
        except Exception as error:
            status, body = errors.to_relay(error, trace.request_id)
            headers.append(_JSON)
            if not isinstance(error, Expected):
                self._failures.inc()
        else:
            status, body = 204, b""
        self._metrics.record(status, started)
        telemetry.record(
            trace,
            trace.function,
            "consumer",
            started_ns,
            {"http.response.status_code": status},
            error=None if status == 204 else body.decode(errors="replace")[:200],
        )
        return Response(status, body, headers)

    async def _work(self, request: Request) -> None:
        if request.path != self._path:
            raise NotFound("not_found", f"{self._function.name} serves {self._path}, /health and /metrics")
        if request.method != "POST":
            raise Refused("method_not_allowed", "This path allows POST", status=405)
        if self._function.kind == "daemon":
            raise Conflict("not_pushed", f"{self._function.name} takes no POST: it runs by itself")
        if self._running:
            if self._function.kind == "every":
                raise Conflict("busy", f"{self._function.name} is running")
            raise Unavailable("busy", f"{self._function.name} is processing another batch")
        self._running = True
        self._metrics.in_flight.inc()
        try:
            async with asyncio.timeout(self._function.timeout_s) as limit:
                if self._function.kind == "every":
                    if request.headers.get(b"ce-type") != cloud_event.DUE_TYPE.encode():
                        raise Refused("not_due", f"ce-type must be {cloud_event.DUE_TYPE}", status=400)
                    await self._call()
                else:
                    await self._process(request)
        except TimeoutError:
            if limit.expired():
                raise Unavailable(
                    "timed_out", f"{self._function.name} took more than {self._function.timeout_s:g} s"
                ) from None
            raise
        finally:
            self._running = False
            self._metrics.in_flight.dec()

    async def _process(self, request: Request) -> None:
        assert self._batch_name is not None
        is_journal = self._function.stream == "ORDERS"
        batch = cloud_event.batch(request.headers, request.body, journal=is_journal)
        started, started_ns = time.perf_counter(), time.time_ns()
        await self._call(**{self._batch_name: batch})
        took = time.perf_counter() - started
        self._seconds.observe(took)
        self._sequence.set(batch.items[-1].sequence)
        if telemetry.tracer is not None:
            self._record_others(batch, started_ns)
        if is_journal:
            journal.log_traces(batch.items, took)

    def _record_others(self, batch: journal.Batch, started_ns: int) -> None:
        """A span in the trace of each traced command of the batch, except in that of the POST itself."""
        here = telemetry.current.get()
        parents = [
            parent
            for item in batch
            for parent in telemetry.sampled_parents(item.traceparent)
            if here is None or parent[0] != here.trace_id
        ]
        telemetry.record_children(
            parents[: telemetry.TRACES_MAX],
            self._function.name,
            "consumer",
            started_ns,
            self._function.name,
            messaging__batch__message_count=len(batch),
        )


def probe(request: Request, origin: tuple[bytes, bytes]) -> Response | None:
    """The response to `GET /health` and `GET /metrics`; None for other requests."""
    match request.path, request.method:
        case "/health", "GET" | "HEAD":
            return Response(200, b'{"status":"ok"}', [_JSON, origin])
        case "/metrics", "GET" | "HEAD":
            from cift.platform.metrics import exposition

            text, media_type = exposition()
            return Response(200, text, [(b"content-type", media_type.encode()), origin])
    return None


class EventsApp:
    """Several event functions, each at `POST /<its name>`; health and metrics of the process."""

    def __init__(self, functions: Iterable[Function], platform: Platform) -> None:
        paths = {f"/{function.name}": function for function in functions}
        self._apps = {path: PushApp(function, platform, path=path) for path, function in paths.items()}

    async def __call__(self, request: Request) -> Response:
        """Respond to one request; never raises."""
        app = self._apps.get(request.path)
        if app is not None:
            return await app(request)
        return await self.probes(request)

    async def probes(self, request: Request) -> Response:
        """Respond to requests for health and metrics only."""
        found = probe(request, _HOST)
        if found is None:
            error = NotFound("not_found", "This process serves its functions' names, /health and /metrics")
            found = Response(404, errors.to_relay(error, "")[1], [_JSON, _HOST])
        return found


async def serve_plain(function: Function, listener: socket.socket, platform: Platform) -> None:
    """Serve one function until SIGTERM or SIGINT, then close all stores."""
    server = PlainServer(PushApp(function, platform))
    background = Background([function], platform)
    await _serve([(server, listener)], background, platform, function.name)


async def serve_events(
    functions: Sequence[Function], listener: socket.socket, probes: socket.socket, platform: Platform
) -> None:
    """Serve event functions on `listener`, a Unix socket, and health and metrics on `probes`, until SIGTERM
    or SIGINT; then close all stores."""
    app = EventsApp(functions, platform)
    servers = [(PlainServer(app), listener), (PlainServer(app.probes), probes)]
    await _serve(servers, Background([], platform), platform, "events")


async def _serve(
    servers: list[tuple[PlainServer, socket.socket]], background: Background, platform: Platform, name: str
) -> None:
    def stop() -> None:
        for server, _ in servers:
            server.stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    gc.freeze()  # objects that exist now stay: the collector need not scan them
    gc.enable()
    background.start()
    log.info("serving", extra={"function": name})
    try:
        await asyncio.gather(*(server.serve(listener) for server, listener in servers))
    finally:
        await background.stop()
        await platform.close()
    log.info("stopped")
