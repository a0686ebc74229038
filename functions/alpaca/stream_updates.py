"""The updates of the account's orders over a WebSocket, in Alpaca's form."""

from cift.alpaca.update_socket import UpdateSocket
from cift.function import SOCKETS_MAX, Scale, ws
from cift.platform.identity import Identity
from cift.platform.postgres import Database
from cift.platform.socket import Socket
from cift.platform.stores import Platform
from cift.streams.streams import Streams


@ws("/stream", scope=None, form="alpaca", scale=Scale(min=1, max=2, concurrency=SOCKETS_MAX))
async def stream_updates(socket: Socket, platform: Platform, database: Database, identity: Identity) -> None:
    await UpdateSocket(socket, Streams.of(platform), database).run()
