"""Valkey: cache, rate limits, deny list. It may vanish at any time, and nothing breaks when it does.

After a failure it is left alone for a second, so that a request never waits for it twice. What a
caller does without it is stated where it does it: rate limits become those of this process
(`limits.py`), the deny list is read from PostgreSQL (`identity.py`).

The client library is imported with the first command: it is a tenth of a second of a cold start.
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
LEFT_ALONE_S = 1.0


class ValkeyGone(Exception):
    """It did not answer, or is left alone because it did not a moment ago."""


class Valkey:
    """The connection of this process, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.valkey_url
        self._gone_until = 0.0
        self._was_gone = False

    @cached_property
    def client(self) -> Any:
        """redis-py's client; await its commands by `ask`."""
        import redis.asyncio

        return redis.asyncio.from_url(
            self._url,
            socket_timeout=ANSWER_TIMEOUT_S,
            socket_connect_timeout=ANSWER_TIMEOUT_S,
            retry=None,
            max_connections=32,
        )

    @cached_property
    def _listening(self) -> Any:
        import redis.asyncio

        return redis.asyncio.from_url(
            self._url, socket_connect_timeout=ANSWER_TIMEOUT_S, socket_timeout=None, retry=None
        )

    async def ask(self, command: Awaitable[T] | Any) -> Any:
        """The answer to a command of `client` (`await valkey.ask(valkey.client.get(key))`).

        Raises:
            ValkeyGone: no answer within a quarter of a second, or in the second after that.
        """
        if time.monotonic() < self._gone_until:
            if asyncio.iscoroutine(command):
                command.close()
            raise ValkeyGone
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await command
        except (RedisError, OSError, TimeoutError) as error:
            self._gone_until = time.monotonic() + LEFT_ALONE_S
            if not self._was_gone:
                self._was_gone = True
                log.warning("Valkey does not answer: falling back", extra={"error": repr(error)})
            raise ValkeyGone from error
        if self._was_gone:
            self._was_gone = False
            log.warning("Valkey answers again")
        return answer

    async def ping(self) -> None:
        """Raises ValkeyGone where it does not answer; asks even while it is left alone."""
        self._gone_until = 0.0
        await self.ask(self.client.ping())

    async def listen(self, channel: str) -> AsyncIterator[bytes | None]:
        """What is published on `channel`, for ever. None: the subscription was lost and is back, so
        something may have been missed."""
        from redis.exceptions import RedisError

        while True:
            try:
                async with self._listening.pubsub() as subscription:
                    await subscription.subscribe(channel)
                    yield None
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            yield message["data"]
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(LEFT_ALONE_S)

    async def close(self) -> None:
        for name in ("client", "_listening"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                await opened.aclose()
