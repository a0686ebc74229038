"""Which stores a function reaches, read off its declaration: it cannot ask for one without naming its type.

It feeds the function's environment, its NetworkPolicy and the budget of connections, so it leans to the
safe side: a caller's own database reads wait for the read model and ask the engine how far (`caught_up`),
so a function with both `Trader` and `Database` is let through to NATS. An `on` function is meant as it is in
a cluster, where relay brings the stream.
"""

import inspect
import typing

from cift.function import Function
from cift.host.provide import name_of, plain

STORES = ("postgres", "nats", "valkey", "clickhouse", "questdb", "keys")
"""`keys` are the folder of token keys."""

_IDENTITY = frozenset({"postgres", "valkey", "keys"})
_OF_TYPE = {
    "cift.platform.stores.Platform": frozenset({"postgres", "nats", "valkey"}),
    "cift.platform.settings.Settings": frozenset[str](),
    "cift.platform.postgres.Database": frozenset({"postgres"}),
    "cift.platform.engine.Engine": frozenset({"nats"}),
    "cift.platform.nats.Nats": frozenset({"nats"}),
    "cift.platform.valkey.Valkey": frozenset({"valkey"}),
    "cift.platform.identity.Identity": _IDENTITY,
    "cift.platform.identity.Trader": _IDENTITY,
    "cift.platform.tokens.Tokens": frozenset({"keys"}),
    "cift.platform.clickhouse.ClickHouse": frozenset({"clickhouse"}),
    "cift.platform.questdb.QuestDB": frozenset({"questdb"}),
    # Whether anybody keeps ticks is told by the store's address.
    "cift.platform.tick_stream.Ticks": frozenset({"nats", "clickhouse"}),
}


def needs(function: Function) -> frozenset[str]:
    """The stores, of `STORES`, that this function reaches when it is served alone."""
    hints = typing.get_type_hints(function.call)
    asked = {name_of(plain(hints[name])[0]) for name in inspect.signature(function.call).parameters}
    found: set[str] = set()
    for type_name in asked:
        found |= _OF_TYPE.get(type_name, frozenset())
    if function.kind in ("http", "ws"):
        if function.scope is not None:
            found |= _IDENTITY
        if function.rate != "none":
            found.add("valkey")
        if {"cift.platform.identity.Trader", "cift.platform.postgres.Database"} <= asked:
            found.add("nats")
    assert found <= set(STORES)
    return frozenset(found)
