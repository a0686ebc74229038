"""NATS: one connection per process, opened on first use, with unlimited reconnects.

The client library is imported at the first connection, so a function that never uses NATS does not pay for
it at a cold start. Therefore `request` raises errors of this module instead of the library's.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cift.kernel.errors import Unavailable
from cift.platform.settings import Settings

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

log = logging.getLogger("cift.nats")
CONNECT_TIMEOUT_S = 2
RECONNECT_WAIT_S = 0.2
JOURNAL_ID = "cift-journal-id"
JOURNAL_ID_KEPT_S = 10.0


class BusError(Exception):
    """A request got no response; the text holds the reason."""


class NoResponders(BusError):
    """The subject has no subscriber: the request was not received."""


class TimedOut(BusError):
    """No response in time: the request may have been received."""


class Nats:
    """The connection of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self._journal_id = ""
        self._journal_id_until = 0.0
        self.on_reconnect: set[Callable[[], None]] = set()
        """Called after each reconnect: requests sent before it are lost."""
        self.on_dropped: set[Callable[[], None]] = set()
        """Called when the client dropped a message because its subscriber was too slow."""

    @property
    def shard(self) -> str:
        return self._settings.shard

    async def client(self) -> "Client":
        """The connection, possibly busy reconnecting.

        Raises:
            Unavailable: the first connection could not be made.
        """
        if self._client is not None and not self._client.is_closed:
            return self._client
        async with self._opening:
            if self._client is not None and not self._client.is_closed:
                return self._client
            import nats
            import nats.errors

            try:
                # Without this limit the first connect would retry forever, and the caller would wait.
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    self._client = await nats.connect(
                        self._settings.nats_url,
                        name="cift",
                        connect_timeout=CONNECT_TIMEOUT_S,
                        max_reconnect_attempts=-1,
                        reconnect_time_wait=RECONNECT_WAIT_S,
                        ping_interval=5,
                        max_outstanding_pings=2,
                        allow_reconnect=True,
                        disconnected_cb=self._disconnected,
                        reconnected_cb=self._reconnected,
                        error_cb=self._failed,
                    )
            except (OSError, nats.errors.Error, TimeoutError) as error:
                raise Unavailable("engine_unavailable", "NATS does not respond") from error
            return self._client

    async def connected(self) -> "Client":
        """The connection, if it is up: the client does not buffer what is sent now until a reconnect.

        Raises:
            Unavailable: it is not connected.
        """
        client = await self.client()
        if not client.is_connected:
            raise Unavailable("engine_unavailable", "NATS does not respond")
        return client

    async def request(
        self, subject: str, payload: bytes, timeout_s: float, *, traceparents: str | None = None
    ) -> "Msg":
        """Send a request and return its response. `traceparents` are trace contexts, separated by commas.

        Raises:
            Unavailable: not connected: the request was not sent.
            NoResponders, TimedOut, BusError: no response; see these classes.
        """
        client = await self.connected()
        import nats.errors

        try:
            headers = {"traceparent": traceparents} if traceparents else None
            return await client.request(subject, payload, timeout=timeout_s, headers=headers)
        except nats.errors.NoRespondersError as error:
            raise NoResponders(str(error)) from error
        except nats.errors.TimeoutError as error:
            raise TimedOut(str(error)) from error
        except nats.errors.Error as error:
            raise BusError(str(error)) from error

    async def jetstream(self) -> "JetStreamContext":
        return (await self.connected()).jetstream(timeout=2)

    async def journal(self) -> tuple[str, int]:
        """The journal's id and its last sequence. Raises Unavailable."""
        js = await self.jetstream()
        import nats.errors
        import nats.js.errors

        try:
            info = await js.stream_info(self._settings.journal_stream)
        except nats.js.errors.NotFoundError:
            raise Unavailable("engine_unavailable", "There is no journal yet") from None
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise Unavailable("engine_unavailable", "The journal does not respond") from error
        metadata: dict[str, Any] = info.config.metadata or {}
        self._journal_id = str(metadata.get(JOURNAL_ID, ""))
        self._journal_id_until = time.monotonic() + JOURNAL_ID_KEPT_S
        return self._journal_id, info.state.last_seq

    async def journal_id(self) -> str:
        """The journal's id, at most ten seconds old and never from before a reconnect."""
        if time.monotonic() < self._journal_id_until:
            return self._journal_id
        return (await self.journal())[0]

    async def close(self) -> None:
        if self._client is not None and not self._client.is_closed:
            await self._client.close()

    async def _disconnected(self) -> None:
        self._journal_id_until = 0.0
        if self._client is not None and not self._client.is_closed:
            log.warning("NATS: connection lost, reconnecting")

    async def _reconnected(self) -> None:
        self._journal_id_until = 0.0
        log.warning("NATS: reconnected")
        for call in tuple(self.on_reconnect):
            call()

    async def _failed(self, error: Exception) -> None:
        import nats.errors

        log.debug("NATS: %r", error)
        if isinstance(error, nats.errors.SlowConsumerError):
            for call in tuple(self.on_dropped):
                call()
