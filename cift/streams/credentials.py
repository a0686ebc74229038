"""Credentials of open connections: when one ends, so do they.

A token that expires ends its connections within a second; one that was revoked, or a key, at once where
Valkey's word of it arrives, and otherwise when PostgreSQL is asked again, every `CONFIRM_EVERY_S` (once a
credential, however many connections it has).
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
CONFIRM_EVERY_S = 10
TICK_S = 1.0


class Guest(Protocol):
    """An open connection with a credential."""

    trader: Trader | None

    def expel(self, error: CiftError) -> None:
        """End it, saying why."""


class Guests:
    """Those of this process."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._guests: dict[str, set[Guest]] = {}
        self._of_user: Counter[str] = Counter()
        self._watching: asyncio.Task[None] | None = None
        self._confirming: set[asyncio.Task[None]] = set()

    def add(self, guest: Guest) -> None:
        """Raises Refused: `too_many_connections` of one user."""
        assert guest.trader is not None
        if self._of_user[guest.trader.user_id] >= USER_CONNECTIONS_MAX:
            raise Refused(
                "too_many_connections", f"A user has at most {USER_CONNECTIONS_MAX} connections", status=429
            )
        self._of_user[guest.trader.user_id] += 1
        self._guests.setdefault(guest.trader.credential_id, set()).add(guest)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
            self._identity.on_revoked.add(self._heard)

    def discard(self, guest: Guest) -> None:
        trader = guest.trader
        if trader is None or guest not in self._guests.get(trader.credential_id, ()):
            return
        self._guests[trader.credential_id].discard(guest)
        if not self._guests[trader.credential_id]:
            del self._guests[trader.credential_id]
        self._of_user[trader.user_id] -= 1
        if not self._of_user[trader.user_id]:
            del self._of_user[trader.user_id]

    def _heard(self, credential_id: str | None) -> None:
        """A revocation; None: one may have been missed."""
        for id in (credential_id,) if credential_id is not None else tuple(self._guests):
            if id in self._guests:
                task = asyncio.create_task(self._confirm(id))
                self._confirming.add(task)
                task.add_done_callback(self._confirming.discard)

    async def _confirm(self, credential_id: str) -> None:
        guests = tuple(self._guests.get(credential_id, ()))
        trader = guests[0].trader if guests else None
        if trader is None:
            return
        try:
            await self._identity.confirm(trader)
        except Unauthenticated as error:
            self._expel(credential_id, error)
        except Unavailable:
            log.warning("a credential of open connections cannot be confirmed now")

    def _expel(self, credential_id: str, error: CiftError) -> None:
        for guest in tuple(self._guests.get(credential_id, ())):
            guest.expel(error)

    async def _watch(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(TICK_S)
            turn += 1
            now = time.time()
            for id, guests in tuple(self._guests.items()):
                trader = next(iter(guests)).trader
                if trader is not None and trader.expires_at and trader.expires_at <= now:
                    self._expel(
                        id, Unauthenticated("token_expired", "The access token has expired; refresh it")
                    )
                elif hash(id) % CONFIRM_EVERY_S == turn % CONFIRM_EVERY_S:
                    await self._confirm(id)

    async def close(self) -> None:
        self._identity.on_revoked.discard(self._heard)
        for task in (self._watching, *self._confirming):
            if task is not None:
                task.cancel()
