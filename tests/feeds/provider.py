"""A local provider: a WebSocket and REST pages on one port. Subclasses implement a provider's protocol
from its documentation; the tests cause the faults."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.target import DEADLINE_S

WAITING_BYTES_MAX = 256 * 1024
"""A client with more unread bytes is slow."""


@dataclass
class Client:
    """One connection and its subscriptions."""

    socket: ServerConnection
    packed: bool = False
    authenticated: bool = False
    topics: dict[str, set[str]] = field(default_factory=dict)


class Provider:
    """`async with`; then `url` and `rest_url`."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.attempts = 0
        """Number of connections opened."""
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and parameters of each REST request."""
        self.failures: list[tuple[int, dict[str, str]]] = []
        """Status and headers of the next responses."""
        self.page_rows = 10_000
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def open(self, port: int = 0) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", port, process_request=self._request, ping_interval=None, close_timeout=1
        )
        self.port: int = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Stop the server."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, client: Client) -> None:
        """Serve one client until it disconnects."""
        raise NotImplementedError

    def page(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """A page of history. Raises KeyError if there is none."""
        raise NotImplementedError

    def is_authenticated(self, headers: Headers) -> bool:
        """Whether these headers authenticate a REST request."""
        raise NotImplementedError

    async def send(self, client: Client, messages: list[dict[str, Any]]) -> None:
        raise NotImplementedError

    async def drop(self) -> None:
        """Abort every connection without a close frame."""
        for client in list(self.clients):
            client.socket.transport.abort()
        await self.until(lambda: not self.clients)

    async def until(self, condition: Any, what: str = "") -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.01)

    async def _serve(self, socket: ServerConnection) -> None:
        self.attempts += 1
        assert socket.request is not None
        client = Client(socket, packed=socket.request.headers.get("Content-Type") == "application/msgpack")
        self.clients.append(client)
        try:
            await self.serve(client)
        except ConnectionClosed:
            pass
        finally:
            with contextlib.suppress(ValueError):
                self.clients.remove(client)

    async def _request(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        target = urlsplit(request.path)
        parameters = {name: values[0] for name, values in parse_qs(target.query).items()}
        self.requests.append((target.path, parameters))
        if self.failures:
            status, headers = self.failures.pop(0)
            return response(status, {"message": HTTPStatus(status).phrase.lower()}, headers)
        if not self.is_authenticated(request.headers):
            return response(403, {"message": "forbidden."})
        try:
            return response(200, self.page(target.path, parameters))
        except KeyError:
            return response(404, {"message": "endpoint not found."})


def response(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    payload = json.dumps(body).encode()
    given = {"Content-Type": "application/json", "Content-Length": str(len(payload)), **(headers or {})}
    return Response(status, HTTPStatus(status).phrase, Headers({**given, "Connection": "close"}), payload)


def cut(rows: list[Any], size: int, begin: int) -> tuple[list[Any], int | None]:
    """One page of rows, and the position of the next one."""
    end = begin + size
    return rows[begin:end], end if end < len(rows) else None


@contextlib.asynccontextmanager
async def repeating(act: Any, every_s: float = 0.2) -> AsyncIterator[None]:
    """Call `act` repeatedly within the block."""

    async def repeat() -> None:
        while True:
            await act()
            await asyncio.sleep(every_s)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
