"""One channel of one symbol or account: its state and its subscribers.

A channel is opened when its first subscriber comes: it loads the current state from the engine, or the
account's open orders. `hub.py` buffers the items that arrive meanwhile, so none is lost between the two.
Then `take` is called with each item, in order.

| channel | state | a new subscriber first gets |
|---|---|---|
| quotes | the last quote | the last quote |
| trades, bars | none | nothing |
| orders, fills | the terms of the account's orders | nothing |
| book | the book | a snapshot |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cift_core import wire

from cift.platform.engine import Engine
from cift.streams import views
from cift.streams.book import KNOWN, BookKeeper
from cift.streams.orders import AccountOrders
from cift.streams.rules import Id, Topic
from cift.streams.views import Published

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages
    from cift.streams.subscriber import Subscriber

DECODE: dict[str, Callable[[bytes], Any]] = {
    "trade": wire.decode_trade,
    "quote": wire.decode_quote,
    "book": wire.decode_book_delta,
    "bar": wire.decode_bar,
    "order": wire.decode_order,
    "fill": wire.decode_fill,
}
"""By kind of item."""
KIND = {
    "quotes": "quote",
    "trades": "trade",
    "bars": "bar",
    "book": "book",
    "orders": "order",
    "fills": "fill",
}
"""The kind of item that a channel is made of."""


class Channel:
    """`trades` or `bars`. Subclasses are the channels with state."""

    can_replay = True
    """A subscriber that gives `since` gets the items after it."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.kind = KIND[topic.channel]
        self.subscribers: dict[Subscriber, None] = {}
        self.users = 0
        """Subscriptions, with those that are not live yet."""
        self.opened = False

    async def open(self, engine: Engine) -> None:
        """Load the current state. Raises CiftError."""

    def take(self, id: Id, message: Any) -> Published | None:
        """Apply the next item; returns the message for subscribers.

        Raises:
            SnapshotNeeded: open the channel again.
        """
        return self.view(id, message)

    def view(self, id: Id, message: Any) -> Published | None:
        """The message about an item, without a change of the channel's state."""
        return (views.trade if self.kind == "trade" else views.bar)(id, message)

    async def prepare(self, items: list[Any]) -> None:
        """Load what `view` needs of past items. Raises CiftError."""

    def state(self) -> Published | None:
        """The current state, for a new subscriber."""
        return None


class Quotes(Channel):
    """Keeps the last quote, so that a thousand subscribers cost the engine one query."""

    _last: Published | None = None

    async def open(self, engine: Engine) -> None:
        self._last = views.quote_now(await engine.query({"quote": [self.topic.key]}))

    def take(self, id: Id, message: messages.QuoteMessage) -> Published | None:
        last = self._last
        if last is not None and last.id is None and message["sequence"] <= last.body["sequence"]:
            return None  # the engine's response is newer
        self._last = views.quote(id, message)
        return self._last

    def view(self, id: Id, message: messages.QuoteMessage) -> Published | None:
        return views.quote(id, message)

    def state(self) -> Published | None:
        last = self._last
        return None if last is None else views.as_state(last)


class Book(Channel):
    """Changes are not replayed: every new subscriber gets a snapshot."""

    can_replay = False
    _keeper: BookKeeper | None = None

    async def open(self, engine: Engine) -> None:
        self._keeper = BookKeeper(await engine.query({"book": {"symbol": self.topic.key, "depth": KNOWN}}))

    def take(self, id: Id, message: messages.BookDeltaMessage) -> Published | None:
        assert self._keeper is not None, "open"
        return self._keeper.apply(id, message)

    def view(self, id: Id, message: messages.BookDeltaMessage) -> Published | None:
        return None

    def state(self) -> Published | None:
        return self._keeper.snapshot() if self._keeper is not None else None


class Own(Channel):
    """`orders` or `fills` of an account."""

    def __init__(self, topic: Topic, orders: AccountOrders) -> None:
        super().__init__(topic)
        self.orders = orders

    async def open(self, engine: Engine) -> None:
        await self.orders.open()

    def take(self, id: Id, message: Any) -> Published | None:
        if self.kind == "order":
            self.orders.learn(message)
        return self.view(id, message)

    def view(self, id: Id, message: Any) -> Published | None:
        terms = self.orders.find(message["order"])
        if self.kind == "order":
            # A replayed message carries its terms only once; those of later ones are in the read model.
            return views.order(id, message, terms)
        return views.fill(id, message, terms)

    async def prepare(self, items: list[Any]) -> None:
        if self.kind == "order":
            for message in items:
                if message["terms"] is not None:
                    self.orders.learn(message)
        await self.orders.load({message["order"] for message in items})


_WITH_STATE: dict[str, type[Channel]] = {"quotes": Quotes, "book": Book}


def channel_of(topic: Topic, orders: Callable[[str], AccountOrders]) -> Channel:
    """A new channel; `orders` returns the orders of an account."""
    if topic.channel in ("orders", "fills"):
        return Own(topic, orders(topic.key))
    return _WITH_STATE.get(topic.channel, Channel)(topic)
