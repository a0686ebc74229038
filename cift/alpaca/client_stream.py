"""What the WebSockets for Alpaca's clients share: login, and subscriptions to topics of `cift.streams`."""

import asyncio

from cift.platform.identity import Trader
from cift.platform.socket import Socket
from cift.streams.rules import Topic
from cift.streams.socket_transport import SocketTransport
from cift.streams.streams import Streams
from cift.streams.subscriber import Subscriber


class ClientStream(SocketTransport):
    """One connection; `trader` is set while it is logged in."""

    def __init__(self, socket: Socket, streams: Streams) -> None:
        super().__init__(socket)
        self._streams = streams
        self._subscriber = Subscriber(streams.hub, self)
        self.trader: Trader | None = None

    async def _set_topics(self, topics: set[Topic]) -> None:
        """Subscribe to these topics and no others."""
        self._unsubscribe(self._subscriber.topics - topics)
        new = topics - self._subscriber.topics
        self._subscriber.topics = set(topics)
        await asyncio.gather(*(self._streams.hub.subscribe(self._subscriber, topic) for topic in sorted(new)))

    def _unsubscribe(self, topics: set[Topic]) -> None:
        for topic in tuple(topics):
            self._streams.hub.unsubscribe(self._subscriber, topic)
