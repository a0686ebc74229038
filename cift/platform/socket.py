"""A WebSocket as a `ws` function has it. `cift.host.sockets` makes it.

Frames from a server bear no mask, so one frame, made once, goes to any number of connections:

    frame = text_frame(b'{"type":"heartbeat"}')
    for socket in sockets:
        socket.write(frame)

`write` never waits. What the reader has not taken yet stays in this process (`unsent`): whoever writes
without being asked looks at `full` first, and decides what a slow reader is worth.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from cift.platform.identity import Caller, Trader

NORMAL, GOING_AWAY, POLICY, TOO_LARGE, INTERNAL, RESTART = 1000, 1001, 1008, 1009, 1011, 1012
"""Close codes of RFC 6455 and its registry."""
_TEXT, _BINARY, _FIN = 0x1, 0x2, 0x80


def _frame(opcode: int, payload: bytes) -> bytes:
    """RFC 6455 §5.2: a whole message in one frame, without a mask."""
    length = len(payload)
    if length < 126:
        return bytes((_FIN | opcode, length)) + payload
    if length < 65_536:
        return struct.pack("!BBH", _FIN | opcode, 126, length) + payload
    return struct.pack("!BBQ", _FIN | opcode, 127, length) + payload


def text_frame(payload: bytes) -> bytes:
    """A text message (UTF-8) as it goes over the wire."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """A binary message as it goes over the wire."""
    return _frame(_BINARY, payload)


class SocketClosed(Exception):
    """The connection is over: the other side went, or was cut off."""


class Socket(ABC):
    """One open connection."""

    caller: Caller
    trader: Trader | None
    """Who the handshake's credential says it is."""
    query: Mapping[str, str]
    """The parameters of the handshake's URL."""
    full: bool
    """The reader is behind: more is kept here than a moment's worth."""
    on_drain: Callable[[], None] | None
    """Called when the reader has caught up after `full`."""

    @abstractmethod
    async def receive(self) -> str | bytes:
        """The next message. Raises SocketClosed."""

    @abstractmethod
    def write(self, frame: bytes) -> None:
        """Send one or more whole frames; nothing happens where the connection is over."""

    @property
    @abstractmethod
    def unsent(self) -> int:
        """Bytes that wait in this process for the reader."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Over, or about to be."""

    @abstractmethod
    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye and end it; what `write` was given before still goes out, where the reader reads."""
