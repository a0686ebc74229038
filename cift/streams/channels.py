"""One channel of one symbol or account: what it keeps, who listens.

A channel is opened once, when the first listener comes: it asks the engine where things stand, while the bus
already brings what happens (`hub.py` holds that back), so nothing falls between. `take` is then called with
each message, in order.

| channel | keeps | a new listener is greeted with |
|---|---|---|
| quotes | the last quote | it |
| trades, orders, fills | nothing | nothing |
| bars | the running minute | nothing |
| book | the book | a snapshot |
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cift_core import wire

from cift.kernel.clock import rfc3339
from cift.platform.engine import Engine
from cift.streams import views
from cift.streams.bars import MINUTE_NS, BarMaker
from cift.streams.book import KNOWN, BookKeeper, Lost
from cift.streams.replay import Replays
from cift.streams.rules import Id, Topic
from cift.streams.views import Message, Published

if TYPE_CHECKING:
    from cift.streams.reader import Reader

DECODE: dict[str, Callable[[bytes], Message]] = {
    "trade": wire.decode_trade,
    "quote": wire.decode_quote,
    "book": wire.decode_book_delta,
    "order": wire.decode_order,
    "fill": wire.decode_fill,
}
"""By the last but one token of a market subject, the last of an account's."""
KIND = {
    "quotes": "quote",
    "trades": "trade",
    "bars": "trade",
    "book": "book",
    "orders": "order",
    "fills": "fill",
}
"""The messages of the bus that a channel is made of."""


class Channel:
    """One of `trades`, `orders`, `fills`; the others add to it."""

    replays = True
    """A listener who says since when gets what was missed."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.kind = KIND[topic.channel]
        self.listeners: dict[Reader, None] = {}
        self.opened = False
        self._view = {
            "trade": views.trade,
            "order": views.order,
            "fill": views.fill,
            "quote": views.quote,
        }.get(self.kind)

    async def open(self, engine: Engine, replays: Replays) -> None:
        """Learn where things stand. Raises CiftError."""

    def take(self, message: Message) -> list[Published]:
        """A message of the bus; returns what listeners are told. Raises Lost: open it again."""
        assert self._view is not None
        return [self._view(message)]

    def again(self, messages: list[Message], since: Id) -> list[Published]:
        """Messages of the past, in order, for one listener who missed what came after `since`."""
        return [each for message in messages for each in self.take(message)]

    def greeting(self) -> Published | None:
        """What a new listener begins with."""
        return None

    def tick(self, now_ns: int) -> list[Published]:
        """Called each second."""
        return []


class Quotes(Channel):
    """The last quote is kept, so that a thousand listeners cost the engine one question."""

    _last: Published | None = None

    async def open(self, engine: Engine, replays: Replays) -> None:
        self._last = views.quote_now(await engine.query({"quote": [self.topic.of]}))

    def take(self, message: Message) -> list[Published]:
        last = self._last
        if last is not None and last.id is None and message["sequence"] <= last.body["sequence"]:
            return []  # the engine's answer was newer
        self._last = views.quote(message)
        return [self._last]

    def again(self, messages: list[Message], since: Id) -> list[Published]:
        return [views.quote(message) for message in messages]

    def greeting(self) -> Published | None:
        last = self._last
        if last is None or last.id is None:
            return last
        return Published({**last.body, "id": None}, None, last.at)


class Bars(Channel):
    """The running minute is read from the stream, so that the first bar is whole."""

    def __init__(self, topic: Topic) -> None:
        super().__init__(topic)
        self._maker = BarMaker(topic.of)

    async def open(self, engine: Engine, replays: Replays) -> None:
        self._maker = BarMaker(self.topic.of)
        start = time.time_ns() // MINUTE_NS * MINUTE_NS
        subject = f"market.trade.{subject_symbol(self.topic.of)}"
        self._seen: Id = (0, 0)
        async for batch in replays.read("MARKET_DATA", subject, since_time=rfc3339(start)):
            for message in map(wire.decode_trade, (each.data for each in batch)):
                if message["symbol"] == self.topic.of and message["timestamp"] >= start:
                    self._maker.take(message)
                    self._seen = (message["sequence"], message["index"])

    def take(self, message: Message) -> list[Published]:
        if (message["sequence"], message["index"]) <= self._seen:
            return []
        return self._maker.take(message)

    def again(self, messages: list[Message], since: Id) -> list[Published]:
        maker, told = BarMaker(self.topic.of), []
        for message in messages:
            told += maker.take(message)
        told += maker.close(time.time_ns())
        return [bar for bar in told if bar.id is not None and bar.id > since]

    def tick(self, now_ns: int) -> list[Published]:
        return self._maker.close(now_ns - BARS_GRACE_NS)


class Book(Channel):
    """Nobody is replayed deltas: whoever comes gets a snapshot."""

    replays = False
    _keeper: BookKeeper | None = None

    async def open(self, engine: Engine, replays: Replays) -> None:
        self._keeper = BookKeeper(await engine.query({"book": {"symbol": self.topic.of, "depth": KNOWN}}))

    def take(self, message: Message) -> list[Published]:
        if self._keeper is None:
            raise Lost
        told = self._keeper.apply(message)
        return [told] if told is not None else []

    def greeting(self) -> Published | None:
        return self._keeper.snapshot() if self._keeper is not None else None


BARS_GRACE_NS = 10**9
"""A bar is told this long after its minute, so that trades on their way are in it."""
_MADE: dict[str, type[Channel]] = {"quotes": Quotes, "bars": Bars, "book": Book}


def channel_of(topic: Topic) -> Channel:
    """A new channel."""
    return _MADE.get(topic.channel, Channel)(topic)


def subject_symbol(symbol: str) -> str:
    """A symbol as a token of a subject (`wire/src/subject.rs`); the payload has the real one."""
    return symbol.replace(".", "-").replace("/", "-")
