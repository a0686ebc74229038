"""What a function is: one declaration, from which everything else is derived.

A function (a function) is one file, `functions/<domain>/<verb_noun>.py`, with one decorated coroutine of
the file's name. Its name everywhere (image, service, consumer, metric, log line) is
`<domain>.<verb_noun>`. The decorators only declare; `cift.host` serves.

    @http("POST", "/api/v1/trading/orders", scope="trade", status=201)
    async def place_order(order: NewOrder, trader: Trader, engine: Engine) -> OrderView: ...

Parameters are given by their types: a pydantic model is the body; `Trader`, `Caller`, `Engine`,
`Database`, `Valkey`, `Nats`, `ClickHouse`, `Ticks`, `Identity`, `Tokens`, `Settings`, `Platform` and
`PageRequest` are what they say; everything else is a path or query parameter, with FastAPI's `Query`,
`Path` and `Header` as in FastAPI. What is returned is the answer's body, None is an empty one (204), a
Starlette `Response` goes out as it is. A `ws` function takes a `Socket` (and a `Trader | None`) and
lives as long as its connection.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

SCOPES = ("read", "trade", "funds", "keys", "session", "admin")
Scope = Literal["read", "trade", "funds", "keys", "session", "admin"]
Rate = Literal["usual", "auth", "none"]
Kind = Literal["http", "ws", "on", "every", "daemon"]
HTTP_TIMEOUT_S = 30.0
EVENT_TIMEOUT_S = 60.0
SOCKETS_MAX = 10_000
BATCH_MAX = 10_000
_EVERY = re.compile(r"(\d+)(ms|s|m|h)", re.ASCII)
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
    """The most that one call may take; 0 for daemons and sockets."""
    extras: tuple[str, ...] = ()
    """What it needs beyond a function's usual packages (`requirements/<extra>.in`)."""
    # http
    method: str = ""
    path: str = ""
    scope: Scope | None = None
    status: int = 200
    rate: Rate = "usual"
    in_schema: bool = True
    # on
    stream: str = ""
    subject: str | None = None
    batch: int = 0
    effects: bool = False
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
        """The trigger in words, for lists."""
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


def _name(call: Callable[..., Any]) -> str:
    found = _NAME.fullmatch(call.__module__)
    assert found, f"{call.__module__}: a function lives in functions/<domain>/<verb_noun>.py"
    assert found[1].endswith("." + call.__name__), (
        f"{call.__module__} must define {found[1].partition('.')[2]}, not {call.__name__}: one name"
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
    scale: Scale = Scale(),
    in_schema: bool = True,
    timeout_s: float = HTTP_TIMEOUT_S,
    extras: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """A function called by HTTP.

    Args:
        scope: what the caller's credential must allow; None = public, said on purpose.
        status: of a successful answer.
        rate: `usual` (per user, or per address where there is none), `auth` (per address, a minute),
            `none` (probes and metrics).
        in_schema: whether /docs shows it.
        timeout_s: after which gateway and Knative give up; stores have deadlines well below it.
        extras: packages beyond the usual: `("polars",)` is requirements/polars.in.
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
            scale=scale,
            in_schema=in_schema,
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
) -> Callable[[F], F]:
    """A function that speaks with one WebSocket for as long as it is open. In a cluster it is always a
    Deployment, because Knative's proxies close live sockets by a timer.

    Args:
        scope: what the credential of the handshake must allow; None = none is asked for there (the
            function may ask for one in the conversation, and then checks its scopes itself).
        scale: `concurrency` is the most connections of a copy; further ones are refused.
        rate: of handshakes, as for `http`.
    """
    assert path.startswith("/"), path
    assert "{" not in path, f"{path}: a WebSocket's path has no parameters"
    assert scope is None or scope in SCOPES, f"unknown scope {scope}"
    return lambda call: _declare(
        call, kind="ws", method="GET", path=path, scope=scope, scale=scale, rate=rate, timeout_s=0.0
    )


def on(
    stream: str,
    *,
    batch: int = 500,
    subject: str | None = None,
    effects: bool = False,
    scale: Scale = Scale(min=1, max=1, concurrency=1),
    timeout_s: float = EVENT_TIMEOUT_S,
    extras: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """A function called with each `Batch` of a stream, in order, again until it returns.

    Args:
        stream: `ORDERS` is the journal: its batches hold decoded `JournalRecord`s; those of other
            streams hold `Message`s.
        batch: the most records of one call.
        subject: only these, where the stream has several.
        effects: it does things to the outside (mail, alerts) and keeps no read model: a message that it
            raises `Poison` for goes to the stream DLQ. A projector (not effects) stops there instead.
        timeout_s: of one call; then the same batch comes again.
        extras: as for `http`.
    """
    assert 1 <= batch <= BATCH_MAX, batch
    assert not (effects and stream == "ORDERS"), "the journal's handlers never skip a record"
    return lambda call: _declare(
        call,
        kind="on",
        stream=stream,
        batch=batch,
        subject=subject,
        effects=effects,
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
    """A function called again and again: `every("30s")`, with ms, s, m or h. Never twice at a time."""
    found = _EVERY.fullmatch(period)
    assert found, f"{period!r}: a period is a number and ms, s, m or h"
    seconds = int(found[1]) * _SECONDS[found[2]]
    assert seconds > 0
    return lambda call: _declare(
        call, kind="every", seconds=seconds, scale=scale, timeout_s=timeout_s, extras=extras
    )


def daemon(
    *, market: str = "", scale: Scale = Scale(min=1, max=1, concurrency=1), extras: tuple[str, ...] = ()
) -> Callable[[F], F]:
    """A function that runs as long as its process; started again, with back-off, when it fails or ends
    by an error. Returning means: nothing (more) to do.

    Args:
        market: it runs only where `CIFT_MARKET` is this; empty: everywhere.
        extras: as for `http`.
    """
    assert scale.max == 1, "a daemon is one"
    return lambda call: _declare(
        call, kind="daemon", market=market, scale=scale, timeout_s=0.0, extras=extras
    )
