"""Everything a process may open, in one place: nothing is opened, or imported, before it is used."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cift.platform.settings import Settings

if TYPE_CHECKING:
    from cift.platform.clickhouse import ClickHouse
    from cift.platform.engine import Engine
    from cift.platform.identity import Identity
    from cift.platform.limits import Limits
    from cift.platform.nats import Nats
    from cift.platform.postgres import Database
    from cift.platform.questdb import QuestDB
    from cift.platform.tick_stream import Ticks
    from cift.platform.tokens import Tokens
    from cift.platform.valkey import Valkey

log = logging.getLogger("cift.stores")


class Closable(Protocol):
    async def close(self) -> None: ...


K = TypeVar("K", bound=Closable)


class Platform:
    """The stores of this process. Belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._kept: dict[Any, Closable] = {}

    def kept(self, type_: type[K], make: Callable[[], K]) -> K:
        """What a room keeps once a process: made when first asked for, closed before the stores are."""
        found = self._kept.get(type_)
        if found is None:
            found = self._kept[type_] = make()
        assert isinstance(found, type_)
        return found

    @cached_property
    def nats(self) -> "Nats":
        from cift.platform.nats import Nats

        return Nats(self.settings)

    @cached_property
    def engine(self) -> "Engine":
        from cift.platform.engine import Engine

        return Engine(self.settings, self.nats)

    @cached_property
    def database(self) -> "Database":
        from cift.platform.postgres import Database

        return Database(self.settings, self.engine, self.nats)

    @cached_property
    def valkey(self) -> "Valkey":
        from cift.platform.valkey import Valkey

        return Valkey(self.settings)

    @cached_property
    def clickhouse(self) -> "ClickHouse":
        from cift.platform.clickhouse import ClickHouse

        return ClickHouse(self.settings)

    @cached_property
    def questdb(self) -> "QuestDB":
        from cift.platform.questdb import QuestDB

        return QuestDB(self.settings)

    @cached_property
    def ticks(self) -> "Ticks":
        from cift.platform.tick_stream import Ticks

        return Ticks(self.settings, self.nats)

    @cached_property
    def tokens(self) -> "Tokens":
        from cift.platform.tokens import Tokens

        s = self.settings
        return Tokens(s.keys_folder, s.token_issuer, s.token_audience, s.access_token_s)

    @cached_property
    def identity(self) -> "Identity":
        from cift.platform.identity import Identity

        return Identity(lambda: self.tokens, lambda: self.database, self.valkey)

    @cached_property
    def limits(self) -> "Limits":
        from cift.platform.limits import Limits

        return Limits(self.settings, self.valkey)

    async def close(self) -> None:
        """Close what was opened, those first that use others."""
        for kept in reversed(tuple(self._kept.values())):
            try:
                await kept.close()
            except Exception:
                log.warning("%s was not closed", type(kept).__name__, exc_info=True)
        self._kept.clear()
        for name in ("identity", "engine", "database", "clickhouse", "questdb", "ticks", "valkey", "nats"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                try:
                    await opened.close()
                except Exception:
                    log.warning("%s was not closed", name, exc_info=True)
