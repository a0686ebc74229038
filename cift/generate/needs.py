"""Which stores a function reaches, derived from its declaration: it can use a store only through a parameter.

The result becomes the function's environment, its NetworkPolicy and its share of the database connections.
So it may include more than needed, but never less: reads of a caller's own rows wait for the read model and
query the engine for its position (`caught_up`), so a function with both `Trader` and `Database` may reach
NATS. For an `on` function this is what it needs in a cluster, where relay delivers the stream.
"""

from cift.function import Function
from cift.host.provide import DATABASE, IDENTITY, TRADER, parameters
from cift.platform.stores import STORES


def needs(function: Function) -> frozenset[str]:
    """The stores, of `STORES`, that this function reaches when it is served alone."""
    found: set[str] = set()
    for parameter in parameters(function):
        if parameter.provided is not None:
            found |= parameter.provided.needs
    if function.kind in ("http", "ws"):
        if function.scope is not None:
            found |= IDENTITY
        if function.rate != "none":
            found.add("valkey")
        if {TRADER, DATABASE} <= {parameter.type_name for parameter in parameters(function)}:
            found.add("nats")
    assert found <= set(STORES)
    return frozenset(found)
