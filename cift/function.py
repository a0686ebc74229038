"""What a function is: one declaration, from which everything else is derived.

A function is one file, `functions/<domain>/<verb_noun>.py`, with one decorated coroutine of the file's
name. Its name everywhere (image, service, consumer, metric, log line) is `<domain>.<verb_noun>`. The
decorators only declare; `cift.host` serves.

    @http("POST", "/api/v1/trading/orders", scope="trade", status=201)
    async def place_order(order: NewOrder, trader: Trader, engine: Engine) -> OrderView: ...

The host fills each parameter by its type: a pydantic model is the body, a type of the table in
`cift/host/provide.py` (listed in functions/README.md) is a store, the caller or the batch, and any other
value comes from the path or the query, or from a header if it is annotated with `FromHeader`. The return
value is the response body; None is an empty response (204), and a Starlette `Response` is sent unchanged. A
`ws` function takes a `Socket` and runs as long as its connection.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from cift.contracts.limits_gen import MAX_MESSAGES_PER_DELIVERY

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

SCOPES = ("read", "trade", "funds", "keys", "session", "admin")
Scope = Literal["read", "trade", "funds", "keys", "session", "admin"]
Rate = Literal["usual", "auth", "none"]
Form = Literal["cift", "alpaca"]
Kind = Literal["http", "ws", "on", "every", "daemon"]
KINDS: tuple[Kind, ...] = ("http", "ws", "on", "every", "daemon")
HTTP_TIMEOUT_S = 30.0
EVENT_TIMEOUT_S = 60.0
SOCKETS_MAX = 10_000
LINGER_MAX_S = 20.0
_DURATION = re.compile(r"(\d+)(ms|s|m|h)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAME = re.compile(r"functions\.([a-z_]+\.[a-z_0-9]+)")


@dataclass(frozen=True, slots=True)
class Scale:
    """How many copies of a function there may be, and how many requests each takes at a time."""

    min: int = 0
    max: int = 3
    concurrency: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """The declaration of one function."""

    name: str
    kind: Kind
    call: Callable[..., Awaitable[Any]]
    scale: Scale
    timeout_s: float
    """The longest that one call may take; 0 for daemons and sockets."""
    extras: tuple[str, ...] = ()
    """Packages beyond those of every function: `requirements/<extra>.in`."""
    # http
    method: str = ""
    path: str = ""
    scope: Scope | None = None
    status: int = 200
    rate: Rate = "usual"
    form: Form = "cift"
    """Whose conventions requests and errors follow: ours, or Alpaca's (`cift.alpaca`)."""
    in_schema: bool = True
    """Whether /docs shows it."""
    refusals: tuple[int, ...] = ()
    """Statuses of its refusals that do not follow from the declaration (`cift/host/openapi.py`)."""
    # on
    stream: str = ""
    subject: str | None = None
    batch: int = 0
    effects: bool = False
    keeps_offset: bool = False
    linger_s: float = 0.0
    # every
    seconds: float = 0.0
    # daemon
    market: str = ""

    @property
    def domain(self) -> str:
        return self.name.partition(".")[0]

    @property
    def doc(self) -> str:
        """The docstring of the function, or of its file."""
        return (self.call.__doc__ or sys.modules[self.call.__module__].__doc__ or "").strip()

    @property
    def trigger(self) -> str:
        """The trigger as text, for lists."""
        match self.kind:
            case "http":
                return f"{self.method} {self.path}"
            case "ws":
                return f"WS {self.path}"
            case "on":
                return f"on {self.stream}" + (f" {self.subject}" if self.subject else "")
            case "every":
                return f"every {self.seconds:g} s"
            case _:
                return "daemon"


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    assert found, f"{text!r}: a duration is a number followed by ms, s, m or h"
    return int(found[1]) * _SECONDS[found[2]]


def _name(call: Callable[..., Any]) -> str:
    found = _NAME.fullmatch(call.__module__)
    assert found, f"{call.__module__}: a function must be in functions/<domain>/<verb_noun>.py"
    assert found[1].endswith("." + call.__name__), (
        f"{call.__module__} must define {found[1].partition('.')[2]}, not {call.__name__}"
    )
    return found[1]


def _declare(call: F, **declaration: Any) -> F:
    call.__cift_function__ = Function(name=_name(call), call=call, **declaration)  # type: ignore[attr-defined]
    return call


def http(
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    path: str,
    *,
    scope: Scope | None,
    status: int = 200,
    rate: Rate = "usual",
    form: Form = "cift",
    scale: Scale = Scale(),
    in_schema: bool = True,
    refusals: tuple[int, ...] = (),
    timeout_s: float = HTTP_TIMEOUT_S,
    extras: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """A function called by HTTP.

    Args:
        scope: the scope that the caller's credential must have; None: public, and must be written.
        status: of a successful response.
        rate: `usual` (per user, or per address without a user), `auth` (per address and minute), `none`
            (probes and metrics).
        form: `alpaca`: errors have Alpaca's form, unknown parameters are ignored, and the path is also served
            below `/alpaca`.
        in_schema: whether /docs shows it.
        refusals: statuses of refusals, for /docs, beyond those of every function, of its scope and its body;
            404 follows from a path with parameters.
        timeout_s: when gateway and Knative cancel the request; the stores' deadlines are well below it.
        extras: packages beyond those of every function: `("polars",)` is requirements/polars.in.
    """
    assert path.startswith("/"), path
    assert scope is None or scope in SCOPES, f"unknown scope {scope}"

    def declare(call: F) -> F:
        return _declare(
            call,
            kind="http",
            method=method,
            path=path,
            scope=scope,
            status=status,
            rate=rate,
            form=form,
            scale=scale,
            in_schema=in_schema,
            refusals=refusals,
            timeout_s=timeout_s,
            extras=extras,
        )

    return declare


def ws(
    path: str,
    *,
    scope: Scope | None,
    scale: Scale = Scale(min=1, max=1, concurrency=SOCKETS_MAX),
    rate: Rate = "usual",
    form: Form = "cift",
) -> Callable[[F], F]:
    """A function that serves one WebSocket for as long as it is open. In a cluster it is always a
    Deployment, because Knative's proxies close open sockets after a time limit.

    Args:
        scope: the scope that the handshake's credential must have; None: the handshake needs no credential
            (the function may require one in a later message, and then checks its scopes itself).
        scale: `concurrency` is the limit of connections per copy; further ones are refused.
        rate: of handshakes, as for `http`.
        form: as for `http`.
    """
    assert path.startswith("/"), path
    assert scope is None or scope in SCOPES, f"unknown scope {scope}"
    return lambda call: _declare(
        call,
        kind="ws",
        method="GET",
        path=path,
        scope=scope,
        scale=scale,
        rate=rate,
        form=form,
        timeout_s=0.0,
    )


def on(
    stream: str,
    *,
    batch: int = 500,
    subject: str | None = None,
    effects: bool = False,
    keeps_offset: bool = False,
    linger: str = "0s",
    scale: Scale = Scale(min=1, max=1, concurrency=1),
    timeout_s: float = EVENT_TIMEOUT_S,
    extras: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """A function called with each `Batch` of a stream, in order. A batch is delivered again until the
    function returns.

    Args:
        stream: `ORDERS` is the journal: its batches hold decoded `JournalRecord`s; those of other
            streams hold `Message`s.
        batch: the maximum number of records per call.
        subject: deliver only messages of this subject; None: all of the stream.
        effects: the function acts on the outside (mail, alerts) and keeps no read model: a message for
            which it raises `Poison` moves to the stream DLQ. A projector (not effects) stops there instead.
        keeps_offset: the function keeps the sequence of its last record in its own store and raises
            `Expected` for any other than the next one. Its consumer is then kept in memory, so that
            acknowledgements cost NATS no fsync.
        linger: how long a message may wait for others, until the batch is full: `"2s"`, at most 20 s.
        timeout_s: of one call; afterwards the same batch is delivered again.
        extras: as for `http`.
    """
    assert 1 <= batch <= MAX_MESSAGES_PER_DELIVERY, batch
    assert not (effects and stream == "ORDERS"), (
        "effects=True is not allowed on ORDERS: its handlers skip no record"
    )
    assert stream == "ORDERS" or not keeps_offset, "keeps_offset=True is only for ORDERS, which has no gaps"
    linger_s = _seconds(linger)
    assert linger_s <= LINGER_MAX_S, f"linger is {linger}: at most {LINGER_MAX_S:g} s"
    return lambda call: _declare(
        call,
        kind="on",
        stream=stream,
        batch=batch,
        subject=subject,
        effects=effects,
        keeps_offset=keeps_offset,
        linger_s=linger_s,
        scale=scale,
        timeout_s=timeout_s,
        extras=extras,
    )


def every(
    period: str,
    *,
    scale: Scale = Scale(max=1, concurrency=1),
    timeout_s: float = EVENT_TIMEOUT_S,
    extras: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """A function called periodically: `every("30s")`, with ms, s, m or h. Calls never overlap."""
    seconds = _seconds(period)
    assert seconds > 0
    return lambda call: _declare(
        call, kind="every", seconds=seconds, scale=scale, timeout_s=timeout_s, extras=extras
    )


def daemon(
    *, market: str = "", scale: Scale = Scale(min=1, max=1, concurrency=1), extras: tuple[str, ...] = ()
) -> Callable[[F], F]:
    """A function that runs as long as its process. After an error it is restarted with back-off; when it
    returns, it has nothing more to do.

    Args:
        market: run only if `CIFT_MARKET` has this value; empty: always.
        extras: as for `http`.
    """
    assert scale.max == 1, f"a daemon has one copy: scale.max must be 1, not {scale.max}"
    return lambda call: _declare(
        call, kind="daemon", market=market, scale=scale, timeout_s=0.0, extras=extras
    )
