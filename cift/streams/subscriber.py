"""One client's messages: paused while it catches up, coalesced or ended while it is slow.

A client is slow when its transport `is_behind`: more bytes wait in this process than a moment's worth.
While it is slow:

- quotes: only the last quote of each symbol is kept. It is sent without an id when the transport has drained.
- book: nothing is kept. A snapshot is sent when the transport has drained.
- other channels: messages are still sent, up to `UNSENT_BYTES_MAX`. Beyond that the connection ends with
  `slow_reader`.

While it catches up (`catch_up.py`) nothing is kept, because it gets the same messages from JetStream.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable

from cift.kernel.errors import CiftError, Refused
from cift.platform.metrics import Counter
from cift.streams import views
from cift.streams.hub import Hub
from cift.streams.rules import Id, Topic
from cift.streams.views import Published

UNSENT_BYTES_MAX = 1024 * 1024
STALL_TIMEOUT_S = 20.0
"""A client that catches up and reads nothing for this long is ended."""
STALL_CHECK_S = 1.0

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

    @property
    def closed(self) -> bool:
        """The client is gone."""
        return False

    @abstractmethod
    def end(self, error: CiftError) -> None:
        """Send the error and end the connection."""


class Subscriber:
    """The subscriptions of one client. Its transport calls `drained` when the client has caught up."""

    __slots__ = (
        "_after",
        "_direct",
        "_drained",
        "_ended",
        "_hub",
        "_latest",
        "_paused",
        "_stale",
        "_transport",
        "topics",
    )

    def __init__(self, hub: Hub, transport: Transport) -> None:
        self._hub, self._transport = hub, transport
        self.topics: set[Topic] = set()
        self._latest: dict[Topic, Published] = {}
        self._stale: set[Topic] = set()
        self._drained: asyncio.Event | None = None
        self._ended = self._paused = False
        self._after: Id | None = None
        """Up to this id the client has everything: live messages up to it are dropped."""
        self._direct = True
        """Nothing is kept or dropped: messages go directly to the transport."""

    def deliver(self, topic: Topic, published: Published) -> None:
        """A live message. Called for each client and message, so the usual path is one call."""
        if not (self._direct and self._transport.offer(published)):
            self._deliver_slowly(topic, published)

    def _deliver_slowly(self, topic: Topic, published: Published) -> None:
        if self._ended or self._paused:
            return
        if self._after is not None and published.id is not None:
            if published.id <= self._after:
                return
            self._after = None
        if not self._latest and not self._stale and self._transport.offer(published):
            pass
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
        self._direct = not (
            self._paused or self._after is not None or self._latest or self._stale or self._ended
        )

    def notify(self, published: Published) -> None:
        """Send a notice in any case."""
        if not self._ended:
            self._transport.write(published)

    def repeat(self, topic: Topic) -> None:
        """Send the state of a topic again: the client may have missed a change."""
        state = self._hub.state(topic)
        if state is not None and not (self._ended or self._transport.is_behind):
            self._transport.write(state)

    def drained(self) -> None:
        """The transport has space again."""
        if self._drained is not None:
            self._drained.set()
        if self._paused:
            return
        while self._latest and not self._transport.is_behind:
            # Later messages of other topics may have been sent, so it has no id.
            self._transport.write(views.as_state(self._latest.pop(next(iter(self._latest)))))
        while self._stale and not self._transport.is_behind:
            snapshot = self._hub.state(self._stale.pop())
            if snapshot is not None:
                self._transport.write(snapshot)
        self._update_direct()

    def pause(self) -> None:
        """Drop live messages: the client catches up."""
        self._paused = True
        self._latest.clear()
        self._stale.clear()
        self._update_direct()

    async def send(self, published: Published) -> None:
        """Send a missed message; waits while the client is behind.

        Raises:
            Refused: `slow_reader`: the client reads nothing.
        """
        if self._transport.closed:
            raise _gone()
        while not self._transport.offer(published):
            await self._wait_drained()

    async def _wait_drained(self) -> None:
        loop = asyncio.get_running_loop()
        unsent, since = self._transport.unsent_bytes, loop.time()
        self._drained = asyncio.Event()
        try:
            while self._transport.is_behind and not self._drained.is_set():
                try:
                    await asyncio.wait_for(self._drained.wait(), STALL_CHECK_S)
                except TimeoutError:
                    pass
                if self._transport.closed or self._ended:
                    raise _gone()
                if self._transport.unsent_bytes < unsent:
                    unsent, since = self._transport.unsent_bytes, loop.time()
                elif loop.time() - since > STALL_TIMEOUT_S:
                    raise self._end(f"nothing of the replay was read for {STALL_TIMEOUT_S:g} s")
        finally:
            self._drained = None

    def begin(self, states: Iterable[Published], after: Id | None) -> None:
        """The topics are live from now on: send their states. The client has everything up to `after`."""
        self._paused = False
        if after is not None and (self._hub.last is None or after > self._hub.last):
            self._after = after
        for state in states:
            self._transport.write(state)
        self._update_direct()

    def resume(self) -> None:
        """Go on with the earlier topics: a new subscription failed."""
        if self._paused:
            self._paused = False
            since = self._hub.last
            if since is not None and self.topics:
                self.notify(views.gap(since))
            self._update_direct()

    def forget(self, topic: Topic) -> None:
        """Drop the kept messages of a topic: the subscription has ended."""
        self._latest.pop(topic, None)
        self._stale.discard(topic)
        self._update_direct()

    def _end(self, why: str) -> Refused:
        self._ended = True
        self._update_direct()
        cut_off.labels("slow_reader").inc()
        error = Refused("slow_reader", f"Slow consumer: {why}. Reconnect with `since`.", status=429)
        self._transport.end(error)
        return error


def _gone() -> Refused:
    return Refused("client_gone", "The client closed the connection", status=400)
