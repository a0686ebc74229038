"""A TCP proxy that cuts connections, so that a client meets the failures of real networks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class Link:
    """The way to an exchange. `cut_responses` cuts that many responses before their first byte, after the
    exchange has received the request; `cut` ends all connections now."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self.url = ""
        self.cut_responses = 0
        self.requests = 0
        """Chunks of requests that were passed to the exchange; a small request is one."""
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Link"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> int:
        """End all connections without a good-bye; returns how many there were."""
        ended = len(self._writers) // 2
        for writer in self._writers:
            writer.transport.abort()
        return ended

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, server_writer}

        async def to_client() -> None:
            while data := await server_reader.read(CHUNK_BYTES):
                if self.cut_responses:
                    self.cut_responses -= 1
                    return
                writer.write(data)
                await writer.drain()

        async def to_server() -> None:
            while data := await reader.read(CHUNK_BYTES):
                self.requests += 1
                server_writer.write(data)
                await server_writer.drain()

        tasks = [asyncio.create_task(to_client()), asyncio.create_task(to_server())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in (writer, server_writer):
                self._writers.discard(each)
                each.transport.abort()
