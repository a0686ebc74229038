"""The interface of a WebSocket for `ws` functions. `cift.host.sockets` implements it.

A server's frames have no mask, so one frame can be sent to any number of connections:

    frame = text_frame(b'{"type":"heartbeat"}')
    for socket in sockets:
        socket.write(frame)

`write` never waits: bytes that the reader has not accepted yet are buffered in this process (`unsent`). A
function that sends unsolicited messages checks `full` first, and decides what to do with a slow reader.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from cift.platform.identity import Caller, Trader

NORMAL, GOING_AWAY, POLICY, TOO_LARGE, INTERNAL, RESTART = 1000, 1001, 1008, 1009, 1011, 1012
"""Close codes of RFC 6455 and its registry."""
_TEXT, _BINARY, _FIN = 0x1, 0x2, 0x80


def _frame(opcode: int, payload: bytes) -> bytes:
    """RFC 6455 §5.2: a complete message in one frame, without a mask."""
    length = len(payload)
    if length < 126:
        return bytes((_FIN | opcode, length)) + payload
    if length < 65_536:
        return struct.pack("!BBH", _FIN | opcode, 126, length) + payload
    return struct.pack("!BBQ", _FIN | opcode, 127, length) + payload


def text_frame(payload: bytes) -> bytes:
    """The frame of a text message (UTF-8)."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """The frame of a binary message."""
    return _frame(_BINARY, payload)


class SocketClosed(Exception):
    """The connection is closed: by the peer, by us, or by an error."""


class Socket(ABC):
    """One open connection."""

    caller: Caller
    trader: Trader | None
    """The caller authenticated by the handshake; None without a credential."""
    query: Mapping[str, str]
    """The parameters of the handshake's URL."""
    path: Mapping[str, str]
    """The parameters of the path."""
    content_type: str
    """The handshake's header Content-Type, with which Alpaca's clients choose a format; empty without it."""
    full: bool
    """The reader is slow: the send buffer is above its high mark."""
    on_drain: Callable[[], None] | None
    """Called when the send buffer is below its low mark after `full`."""

    @abstractmethod
    async def receive(self) -> str | bytes:
        """The next message. Raises SocketClosed."""

    @abstractmethod
    def write(self, frame: bytes) -> None:
        """Send one or more complete frames; no effect if the connection is closed."""

    @property
    @abstractmethod
    def unsent(self) -> int:
        """The bytes buffered in this process for the reader."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether the connection is closed or closing."""

    @abstractmethod
    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Send a close frame and close the connection. Frames passed to `write` before are sent first."""
