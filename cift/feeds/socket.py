"""A WebSocket to a provider: the only module that uses the WebSocket library and maps its failures.

A ping is sent every `PING_S`. A peer that does not respond within `PONG_TIMEOUT_S` counts as lost, so a
broken network is noticed. The library responds to the provider's own pings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cift.feeds.feed import FeedRejected, FeedUnavailable

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

OPEN_TIMEOUT_S = 10.0
RESPONSE_TIMEOUT_S = 10.0
"""For each step of a handshake."""
CLOSE_TIMEOUT_S = 2.0
PING_S = 10.0
PONG_TIMEOUT_S = 20.0
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
MESSAGES_QUEUED_MAX = 256
"""Messages read from the socket but not processed yet; beyond it TCP slows the provider down."""
REASON_CHARACTERS_MAX = 200


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @staticmethod
    async def open(url: str, headers: Mapping[str, str]) -> Socket:
        """Raises FeedUnavailable; FeedRejected for an invalid URL or the status 401, 403 or 404."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

        try:
            return Socket(
                await connect(
                    url,
                    additional_headers=dict(headers),
                    open_timeout=OPEN_TIMEOUT_S,
                    ping_interval=PING_S,
                    ping_timeout=PONG_TIMEOUT_S,
                    close_timeout=CLOSE_TIMEOUT_S,
                    max_size=MESSAGE_BYTES_MAX,
                    max_queue=MESSAGES_QUEUED_MAX,
                )
            )
        except InvalidStatus as problem:
            status = problem.response.status_code
            reason = f"{url} responds with {status} {problem.response.reason_phrase}"
            if status in (401, 403, 404):
                raise FeedRejected(reason) from problem
            raise FeedUnavailable(reason) from problem
        except InvalidURI as problem:
            raise FeedRejected(f"{url} is not a WebSocket URL") from problem
        except (OSError, TimeoutError, WebSocketException) as problem:
            raise FeedUnavailable(f"{url} cannot be reached: {one_line(problem)}") from problem

    async def send(self, message: bytes | str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(message)
        except ConnectionClosed as problem:
            raise self._closed(problem) from problem

    async def receive(self) -> bytes | str:
        """The next message. Raises FeedUnavailable."""
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._connection.recv()
        except ConnectionClosed as problem:
            raise self._closed(problem) from problem

    async def close(self) -> None:
        await self._connection.close()

    @staticmethod
    def _closed(problem: Exception) -> FeedUnavailable:
        return FeedUnavailable(f"the connection was closed: {one_line(problem)}")


def one_line(problem: object) -> str:
    """The text of a provider or a library as one line of bounded length."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text[:REASON_CHARACTERS_MAX]
