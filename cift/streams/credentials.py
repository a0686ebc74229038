"""Credentials of open connections: when a credential ends, its connections end.

An expired token ends its connections within a second. A revoked token or key ends them at once if
Valkey's message about it arrives, otherwise at the next check with PostgreSQL, every `CHECK_EVERY_S`
(once per credential, however many connections it has).
"""

import asyncio
import logging
import time
from collections import Counter
from typing import Protocol

from cift.kernel.errors import CiftError, Refused, Unauthenticated, Unavailable
from cift.platform.identity import Identity, Trader
from cift.streams.rules import USER_CONNECTIONS_MAX

log = logging.getLogger("cift.streams")
CHECK_EVERY_S = 5
TICK_S = 1.0


class Connection(Protocol):
    """An open connection that is logged in."""

    trader: Trader | None

    def end(self, error: CiftError) -> None:
        """Send the error and end the connection."""


class Connections:
    """The connections of this process that are logged in."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._by_credential: dict[str, set[Connection]] = {}
        self._count_of_user: Counter[str] = Counter()
        self._watching: asyncio.Task[None] | None = None
        self._checks: set[asyncio.Task[None]] = set()

    def add(self, connection: Connection) -> None:
        """Raises Refused: `too_many_connections` of one user."""
        assert connection.trader is not None
        if self._count_of_user[connection.trader.user_id] >= USER_CONNECTIONS_MAX:
            raise Refused(
                "too_many_connections",
                f"The user has {USER_CONNECTIONS_MAX} connections, the most that is allowed",
                status=429,
            )
        self._count_of_user[connection.trader.user_id] += 1
        self._by_credential.setdefault(connection.trader.credential_id, set()).add(connection)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
            self._identity.on_revoked.add(self._on_revoked)

    def discard(self, connection: Connection) -> None:
        trader = connection.trader
        if trader is None or connection not in self._by_credential.get(trader.credential_id, ()):
            return
        self._by_credential[trader.credential_id].discard(connection)
        if not self._by_credential[trader.credential_id]:
            del self._by_credential[trader.credential_id]
        self._count_of_user[trader.user_id] -= 1
        if not self._count_of_user[trader.user_id]:
            del self._count_of_user[trader.user_id]

    def _on_revoked(self, changed_id: str | None) -> None:
        """Check a credential that was revoked, or those of a user that was changed. None: check all, because
        a revocation may have been missed."""
        for id, connections in tuple(self._by_credential.items()):
            trader = next(iter(connections)).trader
            if changed_id in (None, id) or (trader and trader.user_id == changed_id):
                task = asyncio.create_task(self._check(id))
                self._checks.add(task)
                task.add_done_callback(self._checks.discard)

    async def _check(self, credential_id: str) -> None:
        connections = tuple(self._by_credential.get(credential_id, ()))
        trader = connections[0].trader if connections else None
        if trader is None:
            return
        try:
            await self._identity.confirm(trader)
        except Unauthenticated as error:
            self._end_all(credential_id, error)
        except Unavailable:
            log.warning("cannot check a credential of open connections; trying again")

    def _end_all(self, credential_id: str, error: CiftError) -> None:
        for connection in tuple(self._by_credential.get(credential_id, ())):
            connection.end(error)

    async def _watch(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(TICK_S)
            turn += 1
            now = time.time()
            for id, connections in tuple(self._by_credential.items()):
                trader = next(iter(connections)).trader
                if trader is not None and trader.expires_at and trader.expires_at <= now:
                    error = Unauthenticated("token_expired", "The access token has expired; refresh it")
                    self._end_all(id, error)
                elif hash(id) % CHECK_EVERY_S == turn % CHECK_EVERY_S:
                    await self._check(id)

    async def close(self) -> None:
        self._identity.on_revoked.discard(self._on_revoked)
        for task in (self._watching, *self._checks):
            if task is not None:
                task.cancel()
