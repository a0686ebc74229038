"""The subscriptions of one client, and the messages that it missed before they are live.

Missed messages are read from JetStream batch by batch, as fast as the client reads them, in one order of ids
over all its topics. When the client has everything that was delivered to the live subscribers, its topics
become live in the same step of the event loop: nothing is missing, and nothing comes twice. Until then its
earlier topics pause and are read from JetStream too, so that they stay in that order.

A client that misses much costs JetStream a read and this process a batch. So a process replays to few
clients at the same time, and to fewer of the same account or address; others wait. A client that reads
nothing for a while loses its place and its connection.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from cift_core import wire

from cift.kernel.addresses import network_of
from cift.kernel.errors import Unavailable
from cift.streams import views
from cift.streams.channels import DECODE
from cift.streams.hub import Hub
from cift.streams.rules import Id, Topic
from cift.streams.subscriber import Subscriber

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

PLACES = 64
PLACES_OF_ONE = 8
"""Of one account, or of one address without an account."""
PLACE_TIMEOUT_S = 60.0
REBUILD_TIMEOUT_S = 10.0
"""After a restart of the bus matchd publishes the stream again. A client that is back earlier waits for
it."""
RETRY_S = 0.1
_KEY_OF_ITEM = {"order": "account", "fill": "account"}
_CHANNEL = {
    "trade": "trades",
    "quote": "quotes",
    "book": "book",
    "bar": "bars",
    "order": "orders",
    "fill": "fills",
}


class Places:
    """The replays of this process at the same time."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(PLACES)
        self._of: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, owner: str) -> AsyncIterator[None]:
        """Hold a place. Raises Unavailable: `too_many_replays`."""
        own = self._of.setdefault(owner, asyncio.Semaphore(PLACES_OF_ONE))
        self._users[owner] += 1
        held = []
        try:
            try:
                async with asyncio.timeout(PLACE_TIMEOUT_S):
                    for semaphore in (own, self._all):
                        await semaphore.acquire()
                        held.append(semaphore)
            except TimeoutError:
                raise Unavailable(
                    "too_many_replays",
                    f"Other replays took longer than {PLACE_TIMEOUT_S:g} s; subscribe again with `since`",
                ) from None
            yield
        finally:
            for semaphore in held:
                semaphore.release()
            self._users[owner] -= 1
            if not self._users[owner]:
                del self._users[owner], self._of[owner]


class CatchUp:
    """Subscribes one client."""

    def __init__(self, hub: Hub, places: Places, subscriber: Subscriber, address: str | None) -> None:
        self._hub, self._places, self._subscriber = hub, places, subscriber
        self._address = address

    async def subscribe(self, topics: Sequence[Topic], since: Id | None, account: str | None) -> None:
        """Deliver new topics to the client, after the messages it missed since `since`.

        Raises:
            CiftError: it is not possible now; the client is not subscribed to them.
        """
        hub, subscriber = self._hub, self._subscriber
        subscriber.topics.update(topics)
        try:
            await hub.open(topics)
            if since is None:
                subscriber.begin(hub.attach(subscriber, topics), None)
                return
            earlier = subscriber.topics.difference(topics)
            if not await self._wait_for(since):
                subscriber.notify(views.gap(since))
                subscriber.begin(hub.attach(subscriber, topics), None)
                return
            async with self._places.of(account or network_of(self._address)):
                await self._replay(tuple(topics), tuple(earlier), since)
        except BaseException:
            subscriber.topics.difference_update(topics)
            hub.detach(subscriber, topics)
            subscriber.resume()
            raise

    async def _wait_for(self, since: Id) -> bool:
        """Wait until the stream has the id; False if the exchange never had it."""
        if not await self._hub.exists(since):
            return False
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REBUILD_TIMEOUT_S
        while True:
            last = await self._hub.updates.last()
            if (last is not None and last >= since) or loop.time() > deadline:
                return True
            await asyncio.sleep(RETRY_S)

    async def _replay(self, topics: tuple[Topic, ...], earlier: tuple[Topic, ...], since: Id) -> None:
        hub, subscriber = self._hub, self._subscriber
        live_until = hub.last or (0, 0)
        subscriber.pause()
        wanted = wire.Wanted()
        for topic in (*topics, *earlier):
            wanted.add(hub.channel(topic).kind, topic.key)
        new = frozenset(topics)
        start = await hub.updates.after(since)
        if start is None or not start.complete:
            subscriber.notify(views.gap(since))
        at, position = since, start.position if start is not None else 1
        first = True
        while True:
            batch, position = await hub.updates.batch(position)
            updates: list[messages.UpdateMessage] = [wire.decode_update(data, wanted) for data in batch]
            items: list[tuple[Topic, Id, Any]] = []
            for update in updates:
                if update["previous"] > at and not first:
                    # Discarded while the client read: what is decoded so far comes before the notice.
                    await self._send(items)
                    items = []
                    subscriber.notify(views.gap(at))
                first = False
                for kind, command, index, data in update["items"]:
                    id = (command, index)
                    message = DECODE[kind](data)
                    topic = Topic(_CHANNEL[kind], message[_KEY_OF_ITEM.get(kind, "symbol")])
                    if id > (since if topic in new else live_until):
                        items.append((topic, id, message))
                at = max(at, update["last"])
            await self._send(items)
            if not batch and (hub.last is None or at >= hub.last):
                states = hub.attach(subscriber, topics)
                states += [state for topic in earlier if (state := hub.state(topic)) is not None]
                subscriber.begin(states, at)
                return
            if not batch:
                await asyncio.sleep(RETRY_S)

    async def _send(self, items: list[tuple[Topic, Id, Any]]) -> None:
        """Send past items, as fast as the client reads."""
        by_topic: dict[Topic, list[Any]] = {}
        for topic, _, message in items:
            by_topic.setdefault(topic, []).append(message)
        channels = {topic: self._hub.channel(topic) for topic in by_topic}
        for topic, own in by_topic.items():
            await channels[topic].prepare(own)
        for topic, id, message in items:
            published = channels[topic].view(id, message)
            if published is not None:
                await self._subscriber.send(published)
