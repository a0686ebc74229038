"""Live data of instruments that trade around the clock over a WebSocket, in Alpaca's form."""

from cift.alpaca.data_socket import DataSocket
from cift.function import SOCKETS_MAX, Scale, ws
from cift.platform.identity import Identity
from cift.platform.socket import Socket
from cift.platform.stores import Platform
from cift.streams.streams import Streams


@ws("/v1beta3/crypto/{loc}", scope=None, form="alpaca", scale=Scale(min=1, max=2, concurrency=SOCKETS_MAX))
async def stream_crypto(socket: Socket, platform: Platform, identity: Identity) -> None:
    await DataSocket(socket, Streams.of(platform)).run()
