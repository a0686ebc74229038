"""One client's messages: held while it catches up, coalesced or ended while it is slow.

A client is slow when its transport `is_behind`: more bytes wait in this process than a moment's worth.
Meanwhile

    quotes  only the last quote of each symbol is kept; it is sent when the transport has drained
    book    nothing is kept; a snapshot is sent when the transport has drained
    others  are still sent, up to `UNSENT_BYTES_MAX`; beyond that the connection ends: `slow_reader`
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable

from cift.kernel.errors import CiftError, Refused
from cift.platform.metrics import Counter
from cift.streams.hub import Hub
from cift.streams.rules import Id, Topic
from cift.streams.views import Published

UNSENT_BYTES_MAX = 1024 * 1024
HELD_MAX = 20_000
"""Messages of one topic held back while its subscriber gets the messages it missed."""
REPLAY_STALL_TIMEOUT_S = 10.0
"""How long a replay waits for a client to read more."""

coalesced = Counter("cift_stream_coalesced", "Messages not sent because a client was slow", ["channel"])
cut_off = Counter("cift_stream_cut_off", "Connections ended by this process, by reason", ["reason"])


class Transport(ABC):
    """The connection to a client: a WebSocket, or a response of Server-Sent Events."""

    __slots__ = ()

    @abstractmethod
    def offer(self, published: Published) -> bool:
        """Send it unless the client is behind; returns whether it was sent."""

    @abstractmethod
    def write(self, published: Published) -> None:
        """Send it in any case; never waits."""

    @property
    @abstractmethod
    def is_behind(self) -> bool:
        """More bytes wait for the client than a moment's worth."""

    @property
    @abstractmethod
    def unsent_bytes(self) -> int:
        """Bytes that wait in this process."""

    @abstractmethod
    def end(self, error: CiftError) -> None:
        """Send the error and end the connection."""


class Subscriber:
    """The subscriptions of one client. Its transport calls `drained` when the client has caught up."""

    __slots__ = (
        "_direct",
        "_drained",
        "_ended",
        "_held",
        "_hub",
        "_latest",
        "_stale",
        "_transport",
        "topics",
    )

    def __init__(self, hub: Hub, transport: Transport) -> None:
        self._hub, self._transport = hub, transport
        self.topics: set[Topic] = set()
        self._held: dict[Topic, list[Published]] = {}
        self._latest: dict[Topic, Published] = {}
        self._stale: set[Topic] = set()
        self._drained: asyncio.Event | None = None
        self._ended = False
        self._direct = True
        """Nothing is held or kept: messages go directly to the transport."""

    def deliver(self, topic: Topic, published: Published) -> None:
        """A message of the hub. Called for each client and message, so the usual path is one call."""
        if not (self._direct and self._transport.offer(published)):
            self._deliver_slowly(topic, published)

    def _deliver_slowly(self, topic: Topic, published: Published) -> None:
        if self._ended:
            return
        held = self._held.get(topic)
        if held is not None:
            if len(held) >= HELD_MAX:
                self._end(f"more than {HELD_MAX} messages arrived before the replay was read")
            else:
                held.append(published)
        elif not self._latest and not self._stale and self._transport.offer(published):
            return
        elif topic.channel == "quotes":
            self._latest[topic] = published
            coalesced.labels("quotes").inc()
        elif topic.channel == "book":
            self._stale.add(topic)
            coalesced.labels("book").inc()
        elif self._transport.unsent_bytes > UNSENT_BYTES_MAX:
            self._end(f"more than {UNSENT_BYTES_MAX // 1024**2} MiB is unread")
        else:
            self._transport.write(published)
        self._update_direct()

    def _update_direct(self) -> None:
        self._direct = not (self._held or self._latest or self._stale or self._ended)

    def drained(self) -> None:
        """The transport has space again."""
        if self._drained is not None:
            self._drained.set()
        while self._latest and not self._transport.is_behind:
            self._transport.write(self._latest.pop(next(iter(self._latest))))
        while self._stale and not self._transport.is_behind:
            snapshot = self._hub.state(self._stale.pop())
            if snapshot is not None:
                self._transport.write(snapshot)
        self._update_direct()

    def hold(self, topic: Topic) -> None:
        """Hold the messages of a topic back until `release`."""
        self._held[topic] = []
        self._update_direct()

    async def replay(self, missed: Iterable[Published]) -> None:
        """Send these now, before the held messages; waits while the client is behind.

        Raises:
            Refused: `slow_reader`: the client reads nothing.
        """
        for published in missed:
            if not self._transport.offer(published):
                await self._wait_drained()
                self._transport.write(published)

    async def _wait_drained(self) -> None:
        self._drained = asyncio.Event()
        try:
            async with asyncio.timeout(REPLAY_STALL_TIMEOUT_S):
                await self._drained.wait()
        except TimeoutError:
            raise self._end(f"nothing of the replay was read for {REPLAY_STALL_TIMEOUT_S:g} s") from None
        finally:
            self._drained = None

    async def release(self, topic: Topic, after: Id) -> None:
        """Send the held messages of a topic later than `after`, and hold no more.

        Raises:
            Refused: `slow_reader`.
        """
        while held := self._held.get(topic):
            self._held[topic] = []  # more can arrive while these are sent
            await self.replay(each for each in held if each.id is None or each.id > after)
        self._held.pop(topic, None)
        self._update_direct()

    def forget(self, topic: Topic) -> None:
        """Drop the kept messages of a topic: the subscription has ended."""
        self._held.pop(topic, None)
        self._latest.pop(topic, None)
        self._stale.discard(topic)
        self._update_direct()

    def _end(self, why: str) -> Refused:
        self._ended = True
        cut_off.labels("slow_reader").inc()
        error = Refused("slow_reader", f"Slow consumer: {why}. Reconnect with `since`.", status=429)
        self._transport.end(error)
        return error
