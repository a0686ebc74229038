"""The parameters of functions: which types a function may name, and how the host fills them.

`PROVIDED` is the one table of provided types. The host fills parameters from it, `cift/generate` reads from
it which stores a function needs, and functions/README.md lists it. Types are known by their dotted names,
so that serving one function imports only what this function names itself.
"""

import enum
import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from cift.function import KINDS, Function, Kind
from cift.platform.stores import Platform, stores

CALLER = "cift.platform.identity.Caller"
TRADER = "cift.platform.identity.Trader"
DATABASE = "cift.platform.postgres.Database"
BATCH = "cift.platform.journal.Batch"
PAGE_REQUEST = "cift.contracts.paging.PageRequest"
SOCKET = "cift.platform.socket.Socket"
IDENTITY = frozenset({"postgres", "valkey", "keys"})
"""What checking a credential needs: `keys` is the folder of token keys."""
VALUES = (str, int, float, bool, enum.Enum)
"""Types of path, query and header parameters; also `Literal`, and unions of these with None."""


class InvalidFunction(Exception):
    """The declaration of a function cannot be served; one sentence."""


@dataclass(frozen=True, slots=True)
class Provided:
    """One row of the table."""

    doc: str
    """The value that a function receives."""
    needs: frozenset[str] = frozenset()
    """Stores (`cift.platform.stores.STORES`) that the function reaches by it."""
    kinds: tuple[Kind, ...] = KINDS
    """The kinds of functions that may name it."""
    get: Callable[[Platform], Any] | None = None
    """Returns it, opening it on first use; None: it comes with each request, batch or connection."""


PROVIDED: dict[str, Provided] = {
    **{
        store.type_name: Provided(store.doc, store.needs, get=attrgetter(store.attribute))
        for store in stores()
    },
    "cift.platform.settings.Settings": Provided("the settings of the process", get=attrgetter("settings")),
    "cift.platform.stores.Platform": Provided(
        "all stores of the process; prefer the types above, which open fewer stores",
        frozenset({"postgres", "nats", "valkey"}),
        get=lambda platform: platform,
    ),
    TRADER: Provided("the authenticated caller; `Trader | None` where `scope=None`", IDENTITY, ("http",)),
    CALLER: Provided("address, user agent and request id of the request", kinds=("http",)),
    PAGE_REQUEST: Provided("the query parameters `limit` and `cursor`", kinds=("http",)),
    BATCH: Provided("the records or messages of this call; required", kinds=("on",)),
    SOCKET: Provided("the open WebSocket, with its `caller` and `trader`; required", kinds=("ws",)),
}
"""Dotted name of the type → how it is provided."""
_REQUIRED = {"on": BATCH, "ws": SOCKET}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    type_name: str
    """Dotted name of the type, without `Annotated` and `None`."""
    optional: bool
    """Whether None is allowed."""
    annotation: Any
    parameter: inspect.Parameter
    provided: Provided | None
    """Its row of the table; None: a body or a value of the request."""
    body: Any = None
    """The pydantic model, if the parameter is the body."""


def bare_type(annotation: Any) -> tuple[Any, bool]:
    """The type without `Annotated` and without `| None`, and whether None is allowed."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    optional = False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(inner) == 1 and len(inner) < len(typing.get_args(annotation)):
            annotation, optional = bare_type(inner[0])[0], True
    return annotation, optional


@cache
def parameters(function: Function) -> tuple[Parameter, ...]:
    """The parameters of a function, each with the way it is provided.

    Raises:
        InvalidFunction: a parameter has no type, or a type that this kind of function cannot receive.
    """
    try:
        hints = typing.get_type_hints(function.call, include_extras=True)
    except NameError as error:
        raise InvalidFunction(
            f"{function.name}: a type cannot be resolved: {error}; import it outside of TYPE_CHECKING"
        ) from None
    found = tuple(
        _parameter(function, name, hints.get(name), parameter)
        for name, parameter in inspect.signature(function.call).parameters.items()
    )
    if sum(each.body is not None for each in found) > 1:
        raise InvalidFunction(f"{function.name}: only one parameter may be a pydantic model (the body)")
    required = _REQUIRED.get(function.kind)
    if required is not None and sum(each.type_name == required for each in found) != 1:
        raise InvalidFunction(
            f"{function.name}: functions of the kind '{function.kind}' take exactly one {_short(required)}"
        )
    return found


def _parameter(function: Function, name: str, annotation: Any, parameter: inspect.Parameter) -> Parameter:
    if annotation is None:
        raise InvalidFunction(f"{function.name}: the parameter {name} needs a type")
    bare, optional = bare_type(annotation)
    type_name = f"{getattr(bare, '__module__', '')}.{getattr(bare, '__qualname__', '')}"
    provided, body = PROVIDED.get(type_name), None
    if provided is None and function.kind == "http":
        from pydantic import BaseModel  # only HTTP functions have a body

        body = bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None
    known = function.kind in provided.kinds if provided is not None else body is not None
    if not known and not (provided is None and function.kind == "http" and _is_value(bare)):
        shown = str(bare) if typing.get_origin(bare) is not None else type_name
        raise InvalidFunction(
            f"{function.name}: the parameter {name} has the type {shown}, which is not provided to functions"
            f" of the kind '{function.kind}'. Allowed: {allowed(function.kind)}"
        )
    if type_name == TRADER and function.scope is None and not optional:
        raise InvalidFunction(
            f"{function.name}: a public function (scope=None) takes {name}: Trader | None, not Trader"
        )
    return Parameter(name, type_name, optional, annotation, parameter, provided, body)


def allowed(kind: Kind) -> str:
    """The types that functions of this kind may name, as a phrase for messages."""
    names = ", ".join(sorted(_short(name) for name, each in PROVIDED.items() if kind in each.kinds))
    if kind != "http":
        return names
    values = ", ".join(each.__name__ for each in VALUES)
    return f"{names}; a pydantic model (the body); {values}, Literal (path, query and header)"


def _is_value(type_: Any) -> bool:
    """Whether a path, query or header parameter may have this type."""
    origin = typing.get_origin(type_)
    if origin is typing.Annotated:
        return _is_value(typing.get_args(type_)[0])
    if origin in (typing.Union, types.UnionType):
        return all(arg is type(None) or _is_value(arg) for arg in typing.get_args(type_))
    return origin is typing.Literal or (isinstance(type_, type) and issubclass(type_, VALUES))


def _short(type_name: str) -> str:
    return type_name.rpartition(".")[2]


def bind(function: Function, platform: Platform) -> Callable[..., Awaitable[Any]]:
    """The function with everything that `platform` provides already filled in, opened at its first call.

    What comes with each call (a batch, a socket) is passed to the result by keyword; see `name_of`.
    """
    getters = {each.name: each.provided.get for each in parameters(function) if each.provided is not None}

    async def call(**more: Any) -> Any:
        opened = {name: get(platform) for name, get in getters.items() if get is not None}
        return await function.call(**opened, **more)

    return call


def name_of(function: Function, type_name: str) -> str | None:
    """The name of the parameter of that type; None if the function has none."""
    return next((each.name for each in parameters(function) if each.type_name == type_name), None)
