"""A TCP proxy that cuts connections, so that a client meets the failures of real networks."""

import asyncio

from tests.proxy import CHUNK_BYTES, Proxy


class Link(Proxy):
    """The way to an exchange. `cut_responses` cuts that many responses before their first byte, after the
    exchange has received the request; `cut` ends all connections now."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.cut_responses = 0
        self.requests = 0
        """Chunks of requests that were passed to the exchange; a small request is one."""

    async def _to_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.cut_responses:
                self.cut_responses -= 1
                return
            writer.write(data)
            await writer.drain()

    async def _to_server(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            self.requests += 1
            writer.write(data)
            await writer.drain()
