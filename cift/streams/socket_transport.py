"""What all transports over a WebSocket share."""

from cift.platform.socket import Socket
from cift.streams.subscriber import Transport


class SocketTransport(Transport):
    """A transport that is behind while the buffer of its socket is full."""

    __slots__ = ("_socket",)

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    @property
    def is_behind(self) -> bool:
        return self._socket.full

    @property
    def unsent_bytes(self) -> int:
        return self._socket.unsent
