"""The stores of a process: each is imported and opened on first use.

The attributes of `Platform` that are a `Store` are also the types that functions may name as parameters:
`cift/host/provide.py` adds to them what comes with a request, and the generator derives from `needs` which
stores a function may reach in a cluster.
"""

import asyncio
import importlib
import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from cift.platform import telemetry
from cift.platform.settings import Settings

if TYPE_CHECKING:
    from cift.platform.clickhouse import ClickHouse
    from cift.platform.engine import Engine
    from cift.platform.identity import Identity
    from cift.platform.limits import Limits
    from cift.platform.mail import Mail
    from cift.platform.nats import Nats
    from cift.platform.postgres import Database
    from cift.platform.questdb import QuestDB
    from cift.platform.tick_stream import Ticks
    from cift.platform.tokens import Tokens, Verifier
    from cift.platform.valkey import Valkey

log = logging.getLogger("cift.stores")
STORES = ("postgres", "nats", "valkey", "clickhouse", "questdb", "keys", "signing-keys")
"""What a function can reach: servers; `keys`, the public keys of access tokens; `signing-keys`, their private
keys."""


class Closable(Protocol):
    async def close(self) -> None: ...


K = TypeVar("K", bound=Closable)
T = TypeVar("T")


class Store(Generic[T]):
    """An attribute of `Platform`: its type is imported and its value made on first use."""

    attribute: str

    def __init__(
        self,
        type_name: str,
        make: "Callable[[type[T], Platform], T]",
        *,
        needs: Iterable[str],
        doc: str,
    ) -> None:
        """
        Args:
            type_name: the dotted name of the type.
            make: makes the value, from the type and the platform.
            needs: the members of `STORES` that a function reaches with this value.
            doc: the value in one line, for functions/README.md.
        """
        self.type_name, self._make, self.doc = type_name, make, doc
        self.needs = frozenset(needs)
        assert self.needs <= set(STORES), f"{type_name} needs {self.needs - set(STORES)}, not one of {STORES}"

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, platform: "Platform", owner: type) -> T:
        module, _, name = self.type_name.rpartition(".")
        type_: type[T] = getattr(importlib.import_module(module), name)
        made = self._make(type_, platform)
        # From now on Python finds the value here and no longer calls this method.
        platform.__dict__[self.attribute] = made
        return made


class Platform:
    """The stores of this process. Belongs to one event loop.

    A store is declared after the stores that it uses: `close` goes backwards.
    """

    settings: Settings
    nats: "Store[Nats]" = Store(
        "cift.platform.nats.Nats",
        lambda type_, p: type_(p.settings),
        needs=["nats"],
        doc="the connection to NATS",
    )
    valkey: "Store[Valkey]" = Store(
        "cift.platform.valkey.Valkey",
        lambda type_, p: type_(p.settings),
        needs=["valkey"],
        doc="the connection to Valkey: cache, rate limits, deny list",
    )
    ticks: "Store[Ticks]" = Store(
        "cift.platform.tick_stream.Ticks",
        lambda type_, p: type_(p.settings, p.nats),
        # The URL of the tick store decides whether ticks are published at all.
        needs=["nats", "clickhouse"],
        doc="publishes raw ticks to the stream TICKS",
    )
    questdb: "Store[QuestDB]" = Store(
        "cift.platform.questdb.QuestDB",
        lambda type_, p: type_(p.settings),
        needs=["questdb"],
        doc="the second tick store",
    )
    clickhouse: "Store[ClickHouse]" = Store(
        "cift.platform.clickhouse.ClickHouse",
        lambda type_, p: type_(p.settings),
        needs=["clickhouse"],
        doc="the analytics store",
    )
    engine: "Store[Engine]" = Store(
        "cift.platform.engine.Engine",
        lambda type_, p: type_(p.settings, p.nats),
        needs=["nats"],
        doc="the client of the matching engine: commands and queries",
    )
    database: "Store[Database]" = Store(
        "cift.platform.postgres.Database",
        lambda type_, p: type_(p.settings, p.engine, p.nats),
        needs=["postgres"],
        doc="PostgreSQL: identity and the read model",
    )
    mail: "Store[Mail]" = Store(
        "cift.platform.mail.Mail",
        lambda type_, p: type_(p.settings),
        needs=[],
        doc="sends e-mail",
    )
    tokens: "Store[Tokens]" = Store(
        "cift.platform.tokens.Tokens",
        lambda type_, p: type_(
            p.settings.keys_folder,
            p.settings.token_issuer,
            p.settings.token_audience,
            p.settings.access_token_s,
        ),
        needs=["keys", "signing-keys"],
        doc="signs and verifies access tokens",
    )
    verifier: "Store[Verifier]" = Store(
        "cift.platform.tokens.Verifier",
        lambda type_, p: type_(
            p.settings.keys_folder,
            p.settings.token_issuer,
            p.settings.token_audience,
            p.settings.access_token_s,
        ),
        needs=["keys"],
        doc="the public keys of access tokens",
    )
    identity: "Store[Identity]" = Store(
        "cift.platform.identity.Identity",
        lambda type_, p: type_(lambda: p.verifier, lambda: p.database, p.valkey),
        needs=["postgres", "valkey", "keys"],
        doc="checks access tokens and API keys",
    )

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        if settings.otlp_endpoint:
            from cift.platform import tracing

            tracing.start(settings)
        self._singletons: dict[Any, Closable] = {}

    @cached_property
    def limits(self) -> "Limits":
        """The rate limits: spent by the host, not by functions."""
        from cift.platform.limits import Limits

        return Limits(self.settings, self.valkey)

    def singleton(self, type_: type[K], make: Callable[[], K]) -> K:
        """The one `type_` of this process, made on first use and closed before the stores are."""
        found = self._singletons.get(type_)
        if found is None:
            found = self._singletons[type_] = make()
        assert isinstance(found, type_)
        return found

    async def close(self) -> None:
        """Close what was opened: a store before the stores that it uses."""
        opened = list(reversed(self._singletons.values()))
        opened += [
            self.__dict__.pop(store.attribute)
            for store in reversed(stores())
            if store.attribute in self.__dict__
        ]
        self._singletons.clear()
        for each in opened:
            if not hasattr(each, "close"):
                continue  # keys are in memory only
            try:
                await each.close()
            except Exception:
                log.warning("%s was not closed", type(each).__name__, exc_info=True)
        if telemetry.tracer is not None:
            await asyncio.to_thread(telemetry.tracer.flush)


def stores() -> "tuple[Store[Any], ...]":
    """All stores of `Platform`, in the order of their declarations."""
    return tuple(each for each in vars(Platform).values() if isinstance(each, Store))
