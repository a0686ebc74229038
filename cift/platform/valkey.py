"""Valkey: cache, rate limits, deny list. The exchange keeps working while it is down.

After a failure no command is sent for a second, so that a request never waits for it twice. Each caller has
its own fallback: rate limits become those of this process (`limits.py`), and the deny list is read from
PostgreSQL (`identity.py`).

The client library is imported at the first command, because it takes a tenth of a second of a cold start.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from functools import cached_property
from typing import Any, TypeVar

from cift.platform.settings import Settings

log = logging.getLogger("cift.valkey")
T = TypeVar("T")
ANSWER_TIMEOUT_S = 0.25
PAUSE_S = 1.0


class ValkeyUnavailable(Exception):
    """Valkey did not respond, or failed less than PAUSE_S ago."""


class Valkey:
    """The connection of this process, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.valkey_url
        self._paused_until = 0.0
        self._failed = False

    @cached_property
    def client(self) -> Any:
        """redis-py's client; its commands are awaited by `run`."""
        import redis.asyncio

        return redis.asyncio.from_url(
            self._url,
            socket_timeout=ANSWER_TIMEOUT_S,
            socket_connect_timeout=ANSWER_TIMEOUT_S,
            retry=None,
            max_connections=32,
        )

    @cached_property
    def _subscribing(self) -> Any:
        import redis.asyncio

        return redis.asyncio.from_url(
            self._url, socket_connect_timeout=ANSWER_TIMEOUT_S, socket_timeout=None, retry=None
        )

    async def run(self, command: Awaitable[T] | Any) -> Any:
        """The result of a command of `client`: `await valkey.run(valkey.client.get(key))`.

        Raises:
            ValkeyUnavailable: no response within a quarter of a second, or a failure less than a second ago.
        """
        if time.monotonic() < self._paused_until:
            if asyncio.iscoroutine(command):
                command.close()
            raise ValkeyUnavailable
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                result = await command
        except (RedisError, OSError, TimeoutError) as error:
            self._paused_until = time.monotonic() + PAUSE_S
            if not self._failed:
                self._failed = True
                log.warning("Valkey does not respond: using fallbacks", extra={"error": repr(error)})
            raise ValkeyUnavailable from error
        if self._failed:
            self._failed = False
            log.warning("Valkey responds again")
        return result

    async def ping(self) -> None:
        """Raises ValkeyUnavailable if it does not respond. Sends the command also during a pause."""
        self._paused_until = 0.0
        await self.run(self.client.ping())

    async def subscribe(self, channel: str) -> AsyncIterator[bytes | None]:
        """The messages of `channel`, without end. None: the subscription was made again, so messages may have
        been missed."""
        from redis.exceptions import RedisError

        while True:
            try:
                async with self._subscribing.pubsub() as subscription:
                    await subscription.subscribe(channel)
                    yield None
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            yield message["data"]
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(PAUSE_S)

    async def close(self) -> None:
        for name in ("client", "_subscribing"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                await opened.aclose()
