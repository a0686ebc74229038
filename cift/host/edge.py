"""The bounds of a connection before a request is known: connections per address, the size of a request's
head, the time it may take, and WebSocket frames per second.

They are enforced on bytes, before parsing or as soon as possible after it: what a caller sends without a
credential must not cost this process much. Behind a gateway all connections come from the gateway, which has
the same bounds.
"""

from __future__ import annotations

import socket
import time
from collections import Counter

from cift.kernel.addresses import network_of
from cift.platform import metrics

CONNECTIONS_MAX = 20_000
"""Of a process."""
HEAD_BYTES_MAX = 32 * 1024
"""The request line and all headers."""
HEAD_TIMEOUT_S = 10.0
"""From the first byte of a request (or the connection) to the end of its head."""
FRAMES_PER_S, FRAMES_BURST = 50, 200
"""WebSocket frames of one connection: messages, parts of messages, pings and pongs."""
ADDRESS_FRAMES_PER_S, ADDRESS_FRAMES_BURST = 1_000, 4_000
PROCESS_FRAMES_PER_S, PROCESS_FRAMES_BURST = 20_000, 40_000
SLICE_BYTES = 512
"""Bytes of WebSocket frames that are parsed before their frames are counted: at most 85 frames."""
PROBE_AFTER_S, PROBE_EVERY_S, PROBES = 30, 10, 3
"""TCP keep-alive: a peer that is gone is noticed within a minute."""
UNREAD_TIMEOUT_MS = 60_000
"""A peer that accepts no byte of what we sent for this long is gone."""

refused = metrics.Counter("cift_connections_refused", "Connections closed at once, by reason", ["reason"])
closed = metrics.Counter("cift_requests_cut", "Connections closed before a request was complete", ["reason"])


class Bucket:
    """A token bucket."""

    __slots__ = ("_at", "_burst", "_left", "_per_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst, self._left = per_s, burst, burst
        self._at = time.monotonic()

    def spend(self, count: int) -> bool:
        """Take tokens; False if there are not enough, and none is taken."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < count:
            return False
        self._left -= count
        return True


class Edge:
    """The connections of a process."""

    def __init__(self, per_address: int, *, behind_gateway: bool) -> None:
        self._per_address = None if behind_gateway else per_address
        self._open: Counter[str] = Counter()
        self._count = 0
        self._frames: dict[str, Bucket] = {}
        self._all_frames = Bucket(PROCESS_FRAMES_PER_S, PROCESS_FRAMES_BURST)

    def enter(self, address: str | None) -> Ticket | None:
        """Count a new connection; None: it is one too many."""
        key = network_of(address)
        if self._count >= CONNECTIONS_MAX:
            refused.labels("process").inc()
            return None
        if self._per_address is not None and self._open[key] >= self._per_address:
            refused.labels("address").inc()
            return None
        self._open[key] += 1
        self._count += 1
        return Ticket(self, key)

    def leave(self, key: str) -> None:
        self._count -= 1
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
            self._frames.pop(key, None)

    def address_has_frames(self, key: str, count: int) -> bool:
        """Count frames of all connections of an address; False: there are too many."""
        if self._per_address is None:
            return True
        found = self._frames.get(key)
        if found is None:
            found = self._frames[key] = Bucket(ADDRESS_FRAMES_PER_S, ADDRESS_FRAMES_BURST)
        return found.spend(count)

    def process_has_frames(self, count: int) -> bool:
        """Count frames of all connections; False: there are too many."""
        return self._all_frames.spend(count)


class Ticket:
    """One counted connection."""

    __slots__ = ("_edge", "_frames", "_key", "_left")

    def __init__(self, edge: Edge, key: str) -> None:
        self._edge, self._key, self._left = edge, key, False
        self._frames: Bucket | None = None

    def leave(self) -> None:
        if not self._left:
            self._left = True
            self._edge.leave(self._key)

    def frames(self, count: int) -> bool:
        """Count WebSocket frames; False: there are too many of this connection, or of its address."""
        if self._frames is None:
            self._frames = Bucket(FRAMES_PER_S, FRAMES_BURST)
        return self._frames.spend(count) and self._edge.address_has_frames(self._key, count)

    def process_is_busy(self, count: int) -> bool:
        """Count frames for the process; True: it gets too many, wait before reading more."""
        return not self._edge.process_has_frames(count)


def watch_peer(listener: socket.socket) -> None:
    """Notice peers that are gone. Accepted sockets inherit these options."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_S),
        ("TCP_KEEPINTVL", PROBE_EVERY_S),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", UNREAD_TIMEOUT_MS),
    ):
        if hasattr(socket, name):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
