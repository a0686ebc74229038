"""A WebSocket to a provider: the one place that knows the library, and what its failures mean to us.

Pings go out every `PING_S` and a peer that does not answer one in `PONG_TIMEOUT_S` is lost, so a cable
that was pulled is noticed. The provider's own pings are answered by the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cift.feeds.feed import Lost, Rejected

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

OPEN_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0
"""Of each step of a handshake."""
CLOSE_TIMEOUT_S = 2.0
PING_S = 10.0
PONG_TIMEOUT_S = 20.0
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
MESSAGES_WAITING_MAX = 256
"""Read from the socket and not yet by us; beyond it TCP slows the provider down."""
REASON_CHARACTERS_MAX = 200


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @staticmethod
    async def open(url: str, headers: Mapping[str, str]) -> Socket:
        """Raises `Lost`; `Rejected` where the answer to the upgrade says so."""
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
                    max_queue=MESSAGES_WAITING_MAX,
                )
            )
        except InvalidStatus as problem:
            status = problem.response.status_code
            reason = f"{url} answers {status} {problem.response.reason_phrase}"
            if status in (401, 403, 404):
                raise Rejected(reason) from problem
            raise Lost(reason) from problem
        except InvalidURI as problem:
            raise Rejected(f"{url} is no address of a WebSocket") from problem
        except (OSError, TimeoutError, WebSocketException) as problem:
            raise Lost(f"{url} cannot be reached: {one_line(problem)}") from problem

    async def send(self, message: bytes | str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(message)
        except ConnectionClosed as problem:
            raise self._lost(problem) from problem

    async def receive(self) -> bytes | str:
        """The next message; raises `Lost`."""
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._connection.recv()
        except ConnectionClosed as problem:
            raise self._lost(problem) from problem

    async def close(self) -> None:
        await self._connection.close()

    @staticmethod
    def _lost(problem: Exception) -> Lost:
        return Lost(f"the connection was closed: {one_line(problem)}")


def one_line(problem: object) -> str:
    """A provider's or a library's words as one line of bounded length."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text[:REASON_CHARACTERS_MAX]
