"""What a function may ask for by type, and where in the `Platform` it comes from.

Types are known by their names, so that hosting one function imports the stores it names and no other.
"""

import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from typing import Any

from cift.function import Function
from cift.platform.journal import Batch
from cift.platform.stores import Platform

PROVIDED = {
    "cift.platform.stores.Platform": "",
    "cift.platform.settings.Settings": "settings",
    "cift.platform.postgres.Database": "database",
    "cift.platform.engine.Engine": "engine",
    "cift.platform.nats.Nats": "nats",
    "cift.platform.valkey.Valkey": "valkey",
    "cift.platform.identity.Identity": "identity",
    "cift.platform.tokens.Tokens": "tokens",
    "cift.platform.clickhouse.ClickHouse": "clickhouse",
    "cift.platform.questdb.QuestDB": "questdb",
    "cift.platform.tick_stream.Ticks": "ticks",
}
"""Name of the type → attribute of `Platform` (empty: itself)."""


def name_of(type_: Any) -> str:
    return f"{getattr(type_, '__module__', '')}.{getattr(type_, '__qualname__', '')}"


def provide(platform: Platform, type_: Any) -> Any:
    """The thing of that type; what it opens is opened when first used."""
    attribute = PROVIDED[name_of(type_)]
    return getattr(platform, attribute) if attribute else platform


def plain(annotation: Any) -> tuple[Any, bool]:
    """The type without `Annotated` and without `| None`, and whether None was allowed."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    optional = False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(inner) == 1 and len(inner) < len(typing.get_args(annotation)):
            annotation, optional = plain(inner[0])[0], True
    return annotation, optional


def bind(function: Function, platform: Platform) -> tuple[Callable[..., Awaitable[Any]], str | None]:
    """A function that is not called by HTTP, with what it asks for by type, and the name of its batch
    parameter (`on` alone has one)."""
    hints = typing.get_type_hints(function.call)
    provided: dict[str, Any] = {}
    batch: str | None = None
    for name in inspect.signature(function.call).parameters:
        bare = plain(hints[name])[0]
        if name_of(bare) in PROVIDED:
            provided[name] = bare
        else:
            assert bare is Batch and function.kind == "on", (
                f"{function.name}: cannot give a {bare} for {name}"
            )
            batch = name
    assert (batch is not None) == (function.kind == "on"), f"{function.name}: on() functions take a Batch"

    async def call(**more: Any) -> Any:
        return await function.call(**{n: provide(platform, t) for n, t in provided.items()}, **more)

    return call, batch
