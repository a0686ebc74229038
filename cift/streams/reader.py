"""One client's share of the streams: held back while it catches up, coalesced or cut off while it is slow.

A reader is slow when its line is `behind`: more waits in this process than a moment's worth. Meanwhile

    quotes  only the last of each symbol is kept, and told when the line has drained
    book    nothing is kept; when the line has drained it gets a snapshot
    others  still go out, up to `UNSENT_BYTES_MAX`; beyond, the client is cut off: `slow_reader`
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
"""Messages of one topic held back while its listener gets what it missed."""
POUR_TIMEOUT_S = 10.0
"""The most that a replay waits for a reader to take more."""

coalesced = Counter("cift_stream_coalesced", "Messages that a slow reader was spared", ["channel"])
cut_off = Counter("cift_stream_cut_off", "Clients that were cut off, by reason", ["reason"])


class Line(ABC):
    """The way to a client: a WebSocket, or an answer that does not end."""

    __slots__ = ()

    @abstractmethod
    def offer(self, published: Published) -> bool:
        """Send it, unless the client is behind; whether it was sent."""

    @abstractmethod
    def write(self, published: Published) -> None:
        """Send it in any case; never waits."""

    @property
    @abstractmethod
    def behind(self) -> bool:
        """More waits for the client than a moment's worth."""

    @property
    @abstractmethod
    def unsent(self) -> int:
        """Bytes that wait in this process."""

    @abstractmethod
    def cut(self, error: CiftError) -> None:
        """End it, saying why."""


class Reader:
    """What one client hears. Its line calls `drained` when it has caught up."""

    __slots__ = ("_drained", "_held", "_hub", "_latest", "_line", "_over", "_stale", "_straight", "topics")

    def __init__(self, hub: Hub, line: Line) -> None:
        self._hub, self._line = hub, line
        self.topics: set[Topic] = set()
        self._held: dict[Topic, list[Published]] = {}
        self._latest: dict[Topic, Published] = {}
        self._stale: set[Topic] = set()
        self._drained: asyncio.Event | None = None
        self._over = False
        self._straight = True
        """Nothing is held or kept: what comes goes straight to the line."""

    def deliver(self, topic: Topic, published: Published) -> None:
        """A message of the hub. Called for each client and message: the fast way is one call."""
        if not (self._straight and self._line.offer(published)):
            self._deliver_slowly(topic, published)

    def _deliver_slowly(self, topic: Topic, published: Published) -> None:
        if self._over:
            return
        held = self._held.get(topic)
        if held is not None:
            if len(held) >= HELD_MAX:
                self._cut_off()
            else:
                held.append(published)
        elif not self._latest and not self._stale and self._line.offer(published):
            return
        elif topic.channel == "quotes":
            self._latest[topic] = published
            coalesced.labels("quotes").inc()
        elif topic.channel == "book":
            self._stale.add(topic)
            coalesced.labels("book").inc()
        elif self._line.unsent > UNSENT_BYTES_MAX:
            self._cut_off()
        else:
            self._line.write(published)
        self._look()

    def _look(self) -> None:
        self._straight = not (self._held or self._latest or self._stale or self._over)

    def drained(self) -> None:
        """The line has room again."""
        if self._drained is not None:
            self._drained.set()
        while self._latest and not self._line.behind:
            self._line.write(self._latest.pop(next(iter(self._latest))))
        while self._stale and not self._line.behind:
            snapshot = self._hub.greet(self, self._stale.pop())
            if snapshot is not None:
                self._line.write(snapshot)
        self._look()

    # ── catching up ─────────────────────────────────────────────────────────────────────────────
    def hold(self, topic: Topic) -> None:
        """Keep what comes of a topic for later."""
        self._held[topic] = []
        self._look()

    async def pour(self, missed: Iterable[Published]) -> None:
        """Tell it now, before what is held; waits for room.

        Raises:
            Refused: `slow_reader`: there is none.
        """
        for published in missed:
            if not self._line.offer(published):
                await self._room()
                self._line.write(published)

    async def _room(self) -> None:
        self._drained = asyncio.Event()
        try:
            async with asyncio.timeout(POUR_TIMEOUT_S):
                await self._drained.wait()
        except TimeoutError:
            self._cut_off()
            raise slow_reader() from None
        finally:
            self._drained = None

    async def release(self, topic: Topic, after: Id) -> None:
        """Tell what was held of a topic and is not yet known, and hold no more.

        Raises:
            Refused: `slow_reader`.
        """
        while held := self._held.get(topic):
            self._held[topic] = []  # more may come while these are told
            await self.pour(each for each in held if each.id is None or each.id > after)
        self._held.pop(topic, None)
        self._look()

    def forget(self, topic: Topic) -> None:
        """It is not heard any more."""
        self._held.pop(topic, None)
        self._latest.pop(topic, None)
        self._stale.discard(topic)
        self._look()

    def _cut_off(self) -> None:
        self._over = True
        cut_off.labels("slow_reader").inc()
        self._line.cut(slow_reader())


def slow_reader() -> Refused:
    """What a client that does not read is told."""
    return Refused(
        "slow_reader", "More waits for this client than it reads; connect again with since", status=429
    )
