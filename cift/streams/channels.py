"""One channel of one symbol or account: its state and its subscribers.

A channel is opened when its first subscriber comes: it loads the current state from the engine. `hub.py`
buffers the bus messages that arrive meanwhile, so none is lost between the two. Then `take` is called
with each message, in order.

| channel | state | a new subscriber first gets |
|---|---|---|
| quotes | the last quote | the last quote |
| trades, orders, fills | none | nothing |
| bars | the current minute | nothing |
| book | the book | a snapshot |
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from cift_core import wire

from cift.kernel.clock import rfc3339
from cift.platform.engine import Engine
from cift.streams import views
from cift.streams.bars import MINUTE_NS, BarMaker
from cift.streams.book import KNOWN, BookKeeper, SnapshotNeeded
from cift.streams.replay import Replays
from cift.streams.rules import Id, Topic
from cift.streams.views import Published

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages
    from cift.streams.subscriber import Subscriber
    from cift.streams.views import Message

M = TypeVar("M", bound="messages.Origin")
"""The type of a channel's bus messages."""
DECODE: dict[str, Callable[[bytes], Message]] = {
    "trade": wire.decode_trade,
    "quote": wire.decode_quote,
    "book": wire.decode_book_delta,
    "order": wire.decode_order,
    "fill": wire.decode_fill,
}
"""By message kind: the second token of `market.<kind>.<symbol>`, the last of `events.<account>.<kind>`."""
KIND = {
    "quotes": "quote",
    "trades": "trade",
    "bars": "trade",
    "book": "book",
    "orders": "order",
    "fills": "fill",
}
"""The kind of bus message that a channel is made of."""


class Channel(Generic[M]):
    """One of `trades`, `orders`, `fills`. Subclasses are the channels with state."""

    can_replay = True
    """A subscriber that gives `since` gets the messages after it."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.kind = KIND[topic.channel]
        self.subscribers: dict[Subscriber, None] = {}
        self.opened = False
        self._view: Callable[[Any], Published] | None = {
            "trade": views.trade,
            "order": views.order,
            "fill": views.fill,
            "quote": views.quote,
        }.get(self.kind)

    async def open(self, engine: Engine, replays: Replays) -> None:
        """Load the current state. Raises CiftError."""

    def take(self, message: M) -> list[Published]:
        """Apply the next bus message; returns the messages for subscribers.

        Raises:
            SnapshotNeeded: open the channel again.
        """
        assert self._view is not None
        return [self._view(message)]

    def replay(self, messages: list[M], since: Id) -> list[Published]:
        """Past messages, in order, for one subscriber that missed those after `since`."""
        return [each for message in messages for each in self.take(message)]

    def state(self) -> Published | None:
        """The current state, for a new subscriber."""
        return None

    def tick(self, now_ns: int) -> list[Published]:
        """Called once per second."""
        return []


class Quotes(Channel["messages.QuoteMessage"]):
    """Keeps the last quote, so that a thousand subscribers cost the engine one query."""

    _last: Published | None = None

    async def open(self, engine: Engine, replays: Replays) -> None:
        self._last = views.quote_now(await engine.query({"quote": [self.topic.key]}))

    def take(self, message: messages.QuoteMessage) -> list[Published]:
        last = self._last
        if last is not None and last.id is None and message["sequence"] <= last.body["sequence"]:
            return []  # the engine's response is newer
        self._last = views.quote(message)
        return [self._last]

    def replay(self, messages: list[messages.QuoteMessage], since: Id) -> list[Published]:
        return [views.quote(message) for message in messages]

    def state(self) -> Published | None:
        last = self._last
        if last is None or last.id is None:
            return last
        return Published({**last.body, "id": None}, None, last.at)


class Bars(Channel["messages.TradeMessage"]):
    """Reads the trades of the current minute from the stream when it opens, so that the first bar is
    complete."""

    def __init__(self, topic: Topic) -> None:
        super().__init__(topic)
        self._maker = BarMaker(topic.key)

    async def open(self, engine: Engine, replays: Replays) -> None:
        self._maker = BarMaker(self.topic.key)
        start = time.time_ns() // MINUTE_NS * MINUTE_NS
        subject = f"market.trade.{subject_symbol(self.topic.key)}"
        self._last_read: Id = (0, 0)
        async for batch in replays.read("MARKET_DATA", subject, since_time=rfc3339(start)):
            for message in map(wire.decode_trade, (each.data for each in batch)):
                if message["symbol"] == self.topic.key and message["timestamp"] >= start:
                    self._maker.take(message)
                    self._last_read = (message["sequence"], message["index"])

    def take(self, message: messages.TradeMessage) -> list[Published]:
        if (message["sequence"], message["index"]) <= self._last_read:
            return []
        return self._maker.take(message)

    def replay(self, messages: list[messages.TradeMessage], since: Id) -> list[Published]:
        maker, bars = BarMaker(self.topic.key), []
        for message in messages:
            bars += maker.take(message)
        bars += maker.close(time.time_ns())
        return [bar for bar in bars if bar.id is not None and bar.id > since]

    def tick(self, now_ns: int) -> list[Published]:
        return self._maker.close(now_ns - BARS_GRACE_NS)


class Book(Channel["messages.BookDeltaMessage"]):
    """Deltas are not replayed: every new subscriber gets a snapshot."""

    can_replay = False
    _keeper: BookKeeper | None = None

    async def open(self, engine: Engine, replays: Replays) -> None:
        self._keeper = BookKeeper(await engine.query({"book": {"symbol": self.topic.key, "depth": KNOWN}}))

    def take(self, message: messages.BookDeltaMessage) -> list[Published]:
        if self._keeper is None:
            raise SnapshotNeeded
        change = self._keeper.apply(message)
        return [change] if change is not None else []

    def state(self) -> Published | None:
        return self._keeper.snapshot() if self._keeper is not None else None


BARS_GRACE_NS = 10**9
"""A bar is published this long after its minute, so that trades in transit are included."""
AnyChannel: TypeAlias = Channel[Any]
_WITH_STATE: dict[str, type[AnyChannel]] = {"quotes": Quotes, "bars": Bars, "book": Book}


def channel_of(topic: Topic) -> AnyChannel:
    """A new channel."""
    return _WITH_STATE.get(topic.channel, Channel)(topic)


def subject_symbol(symbol: str) -> str:
    """A symbol as a token of a subject (`wire/src/subject.rs`). The payload has the exact symbol."""
    return symbol.replace(".", "-").replace("/", "-")
