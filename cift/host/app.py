"""The ASGI app of one function or of all: every step of every request.

A FastAPI app describes the functions (bodies, responses, OpenAPI; `openapi.py`), but `App.__call__` serves
the requests itself: FastAPI's layers (six middlewares, a regular expression for each route, dependency
solving) take more time than an order may. The steps are:

request id and trace → host → route → credential → scope → rate limit → body → function → response →
metrics and one log line. `_translate` alone turns the errors of all steps into responses.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from cift.function import Form, Function
from cift.host import errors, forms
from cift.host.address import address_of
from cift.host.call import Call, ParsedRequest, split_path
from cift.host.edge import Bucket
from cift.kernel.addresses import network_of
from cift.kernel.clock import rfc3339
from cift.kernel.errors import NotFound, Refused
from cift.platform import telemetry
from cift.platform.identity import Caller, Trader, require
from cift.platform.metrics import Counter
from cift.platform.stores import Platform

if TYPE_CHECKING:
    from cift.host.sockets import Sockets

log = logging.getLogger("cift.host")
lines_left_out = Counter(
    "cift_log_lines_left_out", "Requests that were not logged because there were too many"
)

BODY_BYTES_MAX = 64 * 1024
BODY_TIMEOUT_S = 10.0
PATH_LOGGED_MAX = 256
"""Characters of a path in a log line."""
ANONYMOUS_LINES_PER_S, ANONYMOUS_LINES_BURST = 200, 2_000
"""Log lines for requests without a valid credential: what they write to the disk is bounded."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")
_CORS_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_CORS_HEADERS = (
    b"authorization, x-api-key, apca-api-key-id, apca-api-secret-key, content-type, idempotency-key,"
    b" x-request-id, traceparent"
)
_CORS_EXPOSED = b"x-request-id, traceparent, retry-after, x-cift-origin"


class Route:
    """One function as the router sees it."""

    __slots__ = ("call", "function", "metrics", "names", "origin", "segments")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.function: Function = call.function
        self.metrics = telemetry.FunctionMetrics(call.function.name)
        self.origin = (b"x-cift-origin", call.function.name.encode())
        self.segments = [None if p.startswith("{") else p for p in self.function.path.split("/")]
        self.names = [p[1:-1] if p.startswith("{") else "" for p in self.function.path.split("/")]


@dataclass(slots=True)
class _Response:
    """The response to one request, while its parts are collected."""

    status: int = 500
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [_JSON])
    streamed: Response | None = None
    """Starlette's response, if the function returned one; then `body` is not used."""


class App:
    """The functions of `functions` over HTTP."""

    def __init__(
        self, functions: Iterable[Function], platform: Platform, probes: Iterable[Function] = ()
    ) -> None:
        """`probes` are served too, but are not part of the OpenAPI document."""
        self.platform = platform
        settings = platform.settings
        functions = self._functions = tuple(functions)
        self._calls = [Call(function, platform) for function in functions if function.kind == "http"]
        self._exact: dict[str, dict[str, Route]] = {}
        self._templates: dict[int, list[Route]] = {}
        for call in (*self._calls, *(Call(function, platform) for function in probes)):
            route = Route(call)
            if None in route.segments:
                self._templates.setdefault(len(route.segments), []).append(route)
            else:
                methods = self._exact.setdefault(call.function.path, {})
                assert call.function.method not in methods, (
                    f"{call.function.name}: another function has the route {call.function.trigger}"
                )
                methods[call.function.method] = route
        self._openapi: bytes | None = None
        self._anonymous_lines = Bucket(ANONYMOUS_LINES_PER_S, ANONYMOUS_LINES_BURST)
        self._behind_gateway = settings.behind_gateway
        self._cors_any = "*" in settings.cors_origins
        self._cors = frozenset(origin.encode() for origin in settings.cors_origins)
        self._host_any = "*" in settings.trusted_hosts
        self._hosts = frozenset(h.lower().encode() for h in settings.trusted_hosts if not h.startswith("*."))
        self._host_suffixes = tuple(
            h[1:].lower().encode() for h in settings.trusted_hosts if h.startswith("*.")
        )
        self._log_requests = (
            settings.log_requests and settings.log != "off" and settings.log_level in ("debug", "info")
        )
        self._unrouted = telemetry.FunctionMetrics("host")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "served without lifespan; WebSockets go to `sockets`"
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        traceparent = headers.get(b"traceparent")
        request_id = headers.get(b"x-request-id")
        trace = telemetry.begin(
            "host",
            traceparent.decode("latin-1") if traceparent else None,
            request_id.decode("latin-1") if request_id else None,
            sample=True,
        )
        started_ns = time.time_ns() if trace.sampled else 0
        method: str = scope["method"]
        routed_method = "GET" if method == "HEAD" else method
        route: Route | None = None
        trader: Trader | None = None
        try:
            route, parameters = self._route(scope, routed_method)
            if route is None:
                self.check_host(headers)
                response = _Response(streamed=self._page(scope["path"], routed_method))
            else:
                trace.function = route.function.name
                route.metrics.in_flight.inc()
                function = route.function
                if function.rate != "none":
                    self.check_host(headers)
                elif trace.parent_id is None:
                    trace.sampled = False  # probes would hide the requests
                address = self._address(scope, headers)
                trader = await self._identify(route, headers, address)
                await self._count(function, trader, address)
                if function.scope is not None:
                    assert trader is not None
                    require(trader, function.scope)
                data = b""
                if method not in ("GET", "HEAD", "DELETE") or b"content-length" in headers:
                    data = await self._read_body(headers, receive, is_json=route.call.wants_body)
                caller = Caller(address, user_agent(headers), trace.request_id)
                response = await self._call(
                    route,
                    ParsedRequest(parameters, scope["query_string"], headers, data, trader, caller),
                )
        except Exception as error:
            form = route.function.form if route is not None else forms.form_of(scope["path"])
            response = self._translate(error, headers, method, trace, form)
        except BaseException:  # cancelled: nobody receives a response
            if route is not None:
                route.metrics.in_flight.dec()
            raise
        response.headers.append((b"x-request-id", trace.request_id.encode("latin-1")))
        response.headers.append((b"traceparent", trace.traceparent.encode()))
        response.headers.append(route.origin if route is not None else (b"x-cift-origin", b"host"))
        response.headers.append(_NOSNIFF)
        origin = headers.get(b"origin")
        if origin is not None:
            response.headers += self._cors_headers(origin)
        try:
            await self._send(response, scope, receive, send)
        finally:
            if route is not None:
                route.metrics.in_flight.dec()
            metrics = route.metrics if route is not None else self._unrouted
            took = metrics.record(response.status, started)
            if trace.sampled:
                self._trace(scope, response.status, trace, started_ns)
            if self._log_requests and (route is None or route.function.rate != "none"):
                if trader is None and not self._anonymous_lines.spend(1):
                    lines_left_out.labels().inc()
                else:
                    self._log(scope, response.status, took, trace, trader)

    def _route(self, scope: Scope, method: str) -> tuple[Route | None, dict[str, str]]:
        """The route of a request and its path parameters; (None, {}) if no function has this path.

        Raises:
            _MethodNotAllowed: functions have this path, but with other methods.
        """
        exact = self._exact.get(scope["path"])
        if exact is None:
            path = forms.alpaca_path(scope["path"])
            if path is not None and (exact := self._exact.get(path)) is None:
                raw = forms.alpaca_path((scope.get("raw_path") or b"").decode("latin-1"))
                return self._match({"path": path, "raw_path": (raw or path).encode("latin-1")}, method)
        if exact is None:
            return self._match(scope, method)
        route = exact.get(method)
        if route is None:
            raise _MethodNotAllowed(exact)
        return route, {}

    def _address(self, scope: Scope, headers: dict[bytes, bytes]) -> str | None:
        client = scope.get("client")
        return address_of(headers, client[0] if client else None, behind_gateway=self._behind_gateway)

    async def _identify(
        self, route: Route, headers: dict[bytes, bytes], address: str | None
    ) -> Trader | None:
        """The authenticated caller; None for a public function that gets no credential or takes no Trader.

        Raises Unauthenticated, RateLimited, Unavailable."""
        if route.function.scope is not None or (
            route.call.trader_name is not None and forms.has_credential(headers)
        ):
            return await self.authenticate(headers, address)
        return None

    async def _count(self, function: Function, trader: Trader | None, address: str | None) -> None:
        """Count the request against its rate limit. Raises RateLimited."""
        limits = self.platform.limits
        if function.rate == "usual":
            if trader is not None:
                await limits.spend(limits.user, trader.user_id)
            else:
                await limits.spend(limits.public, network_of(address))
        elif function.rate == "auth":
            await limits.spend(limits.auth, network_of(address))

    async def _call(self, route: Route, request: ParsedRequest) -> _Response:
        value = await route.call(request)
        function = route.function
        if value is None:
            response = _Response(204 if function.status == 200 else function.status, headers=[])
        elif isinstance(value, Response):
            response = _Response(streamed=value)
        else:
            response = _Response(function.status, route.call.body(value))
        if request.trader is not None:
            response.headers.append(_NO_STORE)
        return response

    async def _send(self, response: _Response, scope: Scope, receive: Receive, send: Send) -> None:
        headers, streamed = response.headers, response.streamed
        if streamed is not None:
            response.status = streamed.status_code
            streamed.raw_headers.extend(headers[1:] if headers and headers[0] is _JSON else headers)
            await streamed(scope, receive, send)
            return
        if response.status != 204:
            headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    def _match(self, scope: Scope, method: str) -> tuple[Route | None, dict[str, str]]:
        parts = split_path(scope)  # type: ignore[arg-type]
        other: dict[str, Route] = {}
        best: Route | None = None
        for route in self._templates.get(len(parts), ()):
            for segment, part in zip(route.segments, parts, strict=True):
                if segment != part and (segment is not None or not part):
                    break
            else:
                if route.function.method == method:
                    best = route
                    break
                other[route.function.method] = route
        if best is not None:
            return best, {name: part for name, part in zip(best.names, parts, strict=True) if name}
        if other:
            raise _MethodNotAllowed(other)
        return None, {}

    @cached_property
    def sockets(self) -> "Sockets":
        """The ws functions. Their library is imported at the first connection's handshake."""
        from cift.host.sockets import Sockets

        return Sockets(self._functions, self.platform)

    def openapi_document(self) -> dict[str, Any]:
        """The content of /openapi.json."""
        from cift.host import openapi

        return openapi.make_openapi(self._calls)

    def _page(self, path: str, method: str) -> Response:
        if path == "/openapi.json":
            if method != "GET":
                raise _MethodNotAllowed({"GET": None})
            if self._openapi is None:
                self._openapi = orjson.dumps(self.openapi_document())
            return Response(self._openapi, media_type="application/json")
        page = None
        if path.startswith(("/docs", "/redoc")):
            from cift.host import openapi

            page = openapi.page(path)
        if page is None:
            raise NotFound("not_found", "There is nothing at this path; /docs lists all paths")
        if method != "GET":
            raise _MethodNotAllowed({"GET": None})
        return page

    def check_host(self, headers: dict[bytes, bytes]) -> None:
        if self._host_any:
            return
        host = headers.get(b"host", b"").lower()
        name = host.rsplit(b":", 1)[0] if not host.endswith(b"]") else host
        if name not in self._hosts and not name.endswith(self._host_suffixes or (b"\x00",)):
            raise Refused("untrusted_host", "This host name is not in CIFT_TRUSTED_HOSTS", status=400)

    def check_origin(self, headers: dict[bytes, bytes]) -> None:
        """Refuse a WebSocket from a page of another origin: browsers send no CORS preflight for them."""
        origin = headers.get(b"origin")
        if origin is None or self._cors_any or origin in self._cors:
            return
        own = b"x-forwarded-host" if self._behind_gateway else b"host"  # the gateway replaces Host
        if origin.partition(b"://")[2].lower() != headers.get(own, b"").lower():
            raise Refused("untrusted_origin", "This origin is not in CIFT_CORS_ORIGINS", status=403)

    async def authenticate(self, headers: dict[bytes, bytes], address: str | None) -> Trader:
        authorization = headers.get(b"authorization")
        api_key = headers.get(b"x-api-key")
        return await self.platform.limits.credential(
            address,
            lambda: self.platform.identity.authenticate(
                authorization.decode("latin-1") if authorization is not None else None,
                api_key.decode("latin-1") if api_key is not None else None,
                forms.key_pair(headers),
            ),
        )

    async def _read_body(self, headers: dict[bytes, bytes], receive: Receive, *, is_json: bool) -> bytes:
        length = headers.get(b"content-length")
        if length is not None and (not length.isdigit() or int(length) > BODY_BYTES_MAX):
            raise _too_large()
        if is_json:
            kind = headers.get(b"content-type")
            if kind is not None and length != b"0" and not kind.lower().startswith(b"application/json"):
                raise Refused(
                    "unsupported_media_type",
                    "Send the body as JSON, with the header Content-Type: application/json (curl: --json)",
                    status=415,
                )
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
            while message.get("more_body"):
                try:
                    async with asyncio.timeout_at(deadline):
                        message = await receive()
                except TimeoutError:
                    raise Refused(
                        "body_timeout", f"The body did not arrive within {BODY_TIMEOUT_S:g} s", status=408
                    ) from None
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > BODY_BYTES_MAX:
                    raise _too_large()
            body = b"".join(parts)
        if message["type"] == "http.disconnect":
            raise Refused("client_gone", "The caller closed the connection", status=400)
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
        return body

    def _translate(
        self, error: Exception, headers: dict[bytes, bytes], method: str, trace: telemetry.Trace, form: Form
    ) -> _Response:
        extra: list[tuple[bytes, bytes]] = []
        if isinstance(error, _MethodNotAllowed):
            extra.append((b"allow", error.allow.encode()))
            if method == "OPTIONS":
                return _Response(204, headers=[*extra, *self._preflight(headers)])
        reported = errors.to_cift_error(error)
        body = errors.body(reported, trace.request_id, form)  # it may set the status
        return _Response(reported.status, body, extra + errors.headers(reported))

    def _cors_headers(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        if not (self._cors_any or origin in self._cors):
            return []
        return [
            (b"access-control-allow-origin", b"*" if self._cors_any else origin),
            (b"access-control-expose-headers", _CORS_EXPOSED),
            (b"vary", b"origin"),
        ]

    def _preflight(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        if b"access-control-request-method" not in headers or not self._cors_headers(
            headers.get(b"origin", b"")
        ):
            return []
        return [
            (b"access-control-allow-methods", _CORS_METHODS),
            (b"access-control-allow-headers", _CORS_HEADERS),
            (b"access-control-max-age", b"600"),
        ]

    def _trace(self, scope: Scope, status: int, trace: telemetry.Trace, started_ns: int) -> None:
        telemetry.record(
            trace,
            trace.function,
            "server",
            started_ns,
            {
                "http.request.method": str(scope["method"]),
                "url.path": str(scope["path"])[:PATH_LOGGED_MAX],
                "http.response.status_code": status,
                "cift.request_id": trace.request_id,
            },
            error=f"HTTP status {status}" if status >= 500 else None,
        )

    def _log(
        self, scope: Scope, status: int, took_s: float, trace: telemetry.Trace, trader: Trader | None
    ) -> None:
        telemetry.write_line(
            {
                "time": rfc3339(time.time_ns()),
                "level": "info" if status < 500 else "error",
                "logger": "cift.request",
                "message": f"{scope['method']} {scope['path'][:PATH_LOGGED_MAX]} {status}",
                "function": trace.function,
                "status": status,
                "took_ms": round(took_s * 1000, 3),
                "request_id": trace.request_id,
                "trace_id": trace.trace_id,
                "span_id": trace.span_id,
                "user_id": trader.user_id if trader is not None else None,
            }
        )


class _MethodNotAllowed(Refused):
    def __init__(self, methods: Iterable[str]) -> None:
        allowed = set(methods) | {"OPTIONS"}
        if "GET" in allowed:
            allowed.add("HEAD")
        self.allow = ", ".join(sorted(allowed))
        super().__init__("method_not_allowed", f"This path allows {self.allow}", status=405)


def user_agent(headers: dict[bytes, bytes]) -> str | None:
    """The User-Agent header, at most 256 characters of it."""
    agent = headers.get(b"user-agent")
    return agent.decode("latin-1")[:256] if agent else None


def _too_large() -> Refused:
    return Refused("body_too_large", f"The body is above {BODY_BYTES_MAX // 1024} KiB", status=413)
