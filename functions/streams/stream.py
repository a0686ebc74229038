"""Live quotes, trades, bars and books over a WebSocket, and the account's orders and fills after login.

docs/streams.md describes the messages."""

from cift.function import SOCKETS_MAX, Scale, ws
from cift.platform.identity import Identity
from cift.platform.socket import Socket
from cift.platform.stores import Platform
from cift.streams.streams import Streams


@ws(
    "/api/v1/market-data/ws/stream",
    scope=None,
    scale=Scale(min=1, max=3, concurrency=SOCKETS_MAX),
)
async def stream(socket: Socket, platform: Platform, identity: Identity) -> None:
    await Streams.of(platform).serve_socket(socket)
