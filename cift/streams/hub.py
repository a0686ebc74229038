"""The items of UPDATES, to all clients of this process.

The process has one subscription of the bus. Of each message it decodes the items that somebody wants, and
delivers them in the order of their ids. So on each connection ids grow over all symbols and channels.

No message is lost without notice. The bus delivers each message at most once, and each message names the one
before it. When one is missing, or after a reconnect, what arrives is held back until the missed messages
have been read from JetStream. If JetStream no longer has them, subscribers get a `gap`, and books and quotes
start again from their current state. After its own restart matchd may publish a message again: its id shows
that, and it is dropped. Known limit: a process that keeps running while the whole data of the exchange is
deleted must be restarted too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import nats.errors
from cift_core import wire

from cift.kernel.clock import rfc3339
from cift.kernel.errors import CiftError, Unavailable
from cift.platform import telemetry
from cift.platform.engine import Engine
from cift.platform.metrics import Counter, Gauge
from cift.platform.nats import Nats
from cift.platform.postgres import Database
from cift.streams import rules, views
from cift.streams.book import SnapshotNeeded
from cift.streams.channels import DECODE, Channel, channel_of
from cift.streams.messages import Heartbeat
from cift.streams.orders import AccountOrders
from cift.streams.rules import Id, Topic
from cift.streams.updates import Updates
from cift.streams.views import Published

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from cift.contracts import messages_gen as messages
    from cift.streams.subscriber import Subscriber

log = logging.getLogger("cift.streams")
PENDING_MESSAGES_MAX = 50_000
"""In the bus client. Beyond it the client drops messages and reports it."""
HELD_MAX = 1_000
"""Messages held back during a refill. Beyond it they are dropped, and the refill reads them again."""
RETRY_S = 0.5
SYMBOLS_QUERY_INTERVAL_S = 0.05
HEARTBEAT_S = 15

subscriptions_now = Gauge(
    "cift_stream_client_subscriptions", "Topics that clients are subscribed to, all clients together"
)
bus_subscriptions_now = Gauge("cift_stream_bus_subscriptions", "Subscriptions of the bus: 0 or 1")
items_in = Counter("cift_stream_messages", "Items for channels with subscribers")
refills = Counter("cift_stream_refills", "Times that missed messages were read from JetStream")
_deliveries = Counter(
    "cift_stream_deliveries", "Messages delivered to clients, coalesced ones included"
).labels()
lag = Gauge("cift_stream_lag_seconds", "From the engine's time to here, of the last message")


class Hub:
    """The streams of this process."""

    def __init__(self, bus: Nats, engine: Engine, database: Callable[[], Database], shard: str) -> None:
        self._bus, self._engine, self._database = bus, engine, database
        self.updates = Updates(bus, shard)
        self._channels: dict[Topic, Channel] = {}
        self._by_item: dict[tuple[str, str], Channel] = {}
        self._orders: dict[str, AccountOrders] = {}
        self._wanted = wire.Wanted()
        self.last: Id | None = None
        """Everything up to this id has been delivered; None: nothing has been received yet."""
        self._subscription: Subscription | None = None
        self._starting: asyncio.Task[None] | None = None
        self._held: list[bytes] | None = None
        self._opening: dict[Channel, asyncio.Task[None]] = {}
        self._buffered: dict[Channel, list[tuple[Id, Any]]] = {}
        self._refilling: asyncio.Task[None] | None = None
        self._again = False
        self._ticking: asyncio.Task[None] | None = None
        self._symbols: frozenset[str] = frozenset()
        self._symbols_at = 0.0
        self._symbols_query = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_heartbeat: set[Callable[[Published], None]] = set()

    async def symbols(self, wanted: tuple[str, ...]) -> frozenset[str]:
        """The symbols of all instruments; queried from the engine again if `wanted` are not all among them.

        Concurrent callers share one query, and queries have a minimum interval. Raises Unavailable.
        """
        if self._symbols.issuperset(each for each in wanted if rules.is_symbol(each)):
            return self._symbols
        called_at = time.monotonic()
        async with self._symbols_query:
            if self._symbols_at < called_at:
                await asyncio.sleep(self._symbols_at + SYMBOLS_QUERY_INTERVAL_S - time.monotonic())
                self._symbols_at = time.monotonic()
                response = await self._engine.query({"instruments": {}})
                self._symbols = frozenset(each["symbol"] for each in response["instruments"])
        return self._symbols

    async def exists(self, id: Id) -> bool:
        """Whether the exchange has had this id. Raises Unavailable."""
        if self.last is not None and id <= self.last:
            return True
        status: messages.StatusAnswer = await self._engine.query({"status": {}})
        return id[0] <= status["command_sequence"]

    async def open(self, topics: Iterable[Topic]) -> None:
        """Make these channels ready: from now on their items are taken. Each call needs one of `detach`.

        Raises:
            CiftError: it is not possible now.
        """
        channels = [self._channel(topic) for topic in topics]
        for channel in channels:
            channel.users += 1
        await self._started()
        await asyncio.gather(*(self._opened(channel) for channel in channels))

    async def subscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        """Deliver a topic to `subscriber` from now on. With missed messages: `catch_up.py`.

        Raises:
            CiftError: it is not possible now; the subscriber is not subscribed.
        """
        try:
            await self.open([topic])
            subscriber.begin(self.attach(subscriber, [topic]), None)
        except BaseException:
            self.detach(subscriber, [topic])
            raise

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        """End a subscription, if there is one."""
        channel = self._channels.get(topic)
        if channel is not None and subscriber in channel.subscribers:
            subscriber.forget(topic)
            self.detach(subscriber, [topic])

    def attach(self, subscriber: Subscriber, topics: Iterable[Topic]) -> list[Published]:
        """Deliver opened topics to `subscriber` from now on; returns their states."""
        states = []
        for topic in topics:
            channel = self._channels[topic]
            if subscriber not in channel.subscribers:
                channel.subscribers[subscriber] = None
                subscriptions_now.labels().inc()
            state = channel.state()
            if state is not None:
                states.append(state)
        return states

    def detach(self, subscriber: Subscriber, topics: Iterable[Topic]) -> None:
        """End subscriptions; what nobody wants any more ends too."""
        for topic in topics:
            channel = self._channels.get(topic)
            if channel is None:
                continue
            if subscriber in channel.subscribers:
                del channel.subscribers[subscriber]
                subscriptions_now.labels().dec()
            channel.users -= 1
            if channel.users:
                continue
            del self._channels[topic]
            del self._by_item[channel.kind, topic.key]
            if channel.kind != "order" or not self._needs_orders(topic.key):
                self._wanted.discard(channel.kind, topic.key)
            if channel.kind == "fill" and Topic("orders", topic.key) not in self._channels:
                self._wanted.discard("order", topic.key)
            if channel.kind in ("order", "fill") and not self._needs_orders(topic.key):
                self._orders.pop(topic.key, None)
        if not self._channels:
            self._stop()

    def _needs_orders(self, account: str) -> bool:
        return Topic("orders", account) in self._channels or Topic("fills", account) in self._channels

    def state(self, topic: Topic) -> Published | None:
        """The current state of a topic, for a subscriber that fell behind."""
        channel = self._channels.get(topic)
        return channel.state() if channel is not None and channel.opened else None

    def channel(self, topic: Topic) -> Channel:
        """The channel of a topic that is open."""
        return self._channels[topic]

    def _channel(self, topic: Topic) -> Channel:
        found = self._channels.get(topic)
        if found is None:
            found = self._channels[topic] = channel_of(topic, self._orders_of)
            self._by_item[found.kind, topic.key] = found
            self._wanted.add(found.kind, topic.key)
            if found.kind == "fill":
                self._wanted.add("order", topic.key)
        return found

    def _orders_of(self, account: str) -> AccountOrders:
        found = self._orders.get(account)
        if found is None:
            found = self._orders[account] = AccountOrders(account, self._database())
        return found

    async def _started(self) -> None:
        if self._subscription is not None and self._starting is None:
            return
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            await asyncio.shield(self._starting)
        finally:
            if self._starting is not None and self._starting.done():
                self._starting = None

    async def _start(self) -> None:
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
            self._bus.on_reconnect.add(self._interrupted)
            self._bus.on_dropped.add(self._interrupted)
        self._held = []

        async def on_message(message: Msg) -> None:
            traced = telemetry.tracer is not None and (message.headers or {}).get("traceparent")
            started_ns = time.time_ns() if traced else 0
            self._receive(message.data)
            if traced:
                parents = telemetry.sampled_parents(traced)
                telemetry.record_children(parents, "deliver to streams", "consumer", started_ns, "streams")

        try:
            client = await self._bus.connected()
            self._stop()
            self._held = []
            subscription = await client.subscribe(
                self.updates.subject, cb=on_message, pending_msgs_limit=PENDING_MESSAGES_MAX
            )
            await client.flush()  # now the server has the subscription: later messages arrive
            self._subscription = subscription
            bus_subscriptions_now.labels().inc()
            self.last = await self.updates.last()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            self._stop()
            raise Unavailable("stream_unavailable", "The message bus does not respond") from error
        except BaseException:
            self._stop()
            raise
        self._release()

    def _stop(self) -> None:
        subscription, self._subscription = self._subscription, None
        self._held = None
        if subscription is not None:
            self.last = None
            bus_subscriptions_now.labels().dec()
            self._spawn(_unsubscribe(subscription))

    async def _opened(self, channel: Channel) -> None:
        if channel.opened:
            return
        opening = self._opening.get(channel)
        if opening is None:
            opening = self._opening[channel] = asyncio.create_task(self._open(channel))
        await asyncio.shield(opening)

    async def _open(self, channel: Channel) -> None:
        """Items that arrive while the channel opens are buffered, and applied afterwards."""
        buffered = self._buffered[channel] = []
        try:
            await channel.open(self._engine)
            channel.opened = True
            for id, message in buffered:
                self._take(channel, id, message)
        finally:
            del self._buffered[channel]
            self._opening.pop(channel, None)

    def _receive(self, data: bytes) -> None:
        """A message of the bus."""
        if self._subscription is None and self._held is None:
            return
        if self._held is not None:
            if len(self._held) < HELD_MAX:
                self._held.append(data)
            else:
                self._again = True
            return
        try:
            update: messages.UpdateMessage = wire.decode_update(data, self._wanted)
        except ValueError:
            log.exception("cannot decode an update")
            return
        if self.last is not None and update["last"] > self.last and update["previous"] > self.last:
            self._interrupted(data)  # a message is missing
        else:
            self._apply(update)

    def _release(self) -> None:
        """Apply the messages that were held back."""
        held, self._held = self._held, None
        for data in held or ():
            self._receive(data)  # held again, if one is missing

    def _apply(self, update: messages.UpdateMessage) -> None:
        if self.last is not None and update["last"] <= self.last:
            return  # published again
        before = self.last or (0, 0)
        for kind, command, index, data in update["items"]:
            id = (command, index)
            if id > before:
                try:
                    self._deliver_item(kind, id, data)
                except Exception:  # a defect of ours: the other items must be delivered nevertheless
                    log.exception("cannot deliver the item %s", rules.id_text(id))
        self.last = update["last"]
        if update["items"]:
            items_in.labels().inc(len(update["items"]))
            lag.labels().set((time.time_ns() - update["timestamp"]) / 1e9)

    def _deliver_item(self, kind: str, id: Id, data: bytes) -> None:
        message = DECODE[kind](data)
        key = message["account"] if kind in ("order", "fill") else message["symbol"]
        channel = self._by_item.get((kind, key))
        if channel is None:
            orders = self._orders.get(key) if kind == "order" else None
            if orders is not None:
                orders.learn(message)
            return
        self._apply_item(channel, id, message)

    def _apply_item(self, channel: Channel, id: Id, message: Any) -> None:
        buffered = self._buffered.get(channel)
        if buffered is not None:
            buffered.append((id, message))
        elif channel.opened:
            self._take(channel, id, message)

    def _take(self, channel: Channel, id: Id, message: Any) -> None:
        try:
            published = channel.take(id, message)
        except SnapshotNeeded:
            self._reopen(channel)
            return
        if published is not None:
            _deliver(channel, published)

    def _reopen(self, channel: Channel) -> None:
        """Open a channel again, and send its state to all its subscribers."""
        channel.opened = False

        async def reopen() -> None:
            while channel.subscribers:
                try:
                    await self._opened(channel)
                except CiftError:
                    await asyncio.sleep(RETRY_S)
                    continue
                state = channel.state()
                if state is not None:
                    _deliver(channel, state)
                return

        self._spawn(reopen())

    def _interrupted(self, *later: bytes) -> None:
        """Messages may have been lost between the bus and here, before these."""
        if self._subscription is None or self.last is None:
            return
        if self._refilling is None:
            self._held = list(later)
            self._refilling = asyncio.create_task(self._refill())
            refills.labels().inc()
        else:
            self._again = True

    async def _refill(self) -> None:
        while self._subscription is not None:
            self._again = False
            try:
                await self._refill_once()
            except CiftError as error:
                log.warning("cannot read missed messages; trying again", extra={"reason": error.code})
                self._again = True
                await asyncio.sleep(RETRY_S)
            if not self._again:
                break
        self._refilling = None
        if self._subscription is not None:
            self._release()

    async def _refill_once(self) -> None:
        since = self.last
        start = await self.updates.after(since) if since is not None else None
        if since is None or start is None:
            return
        complete = noted = start.complete
        if not complete:
            self._notify_all(views.gap(since))
        position = start.position
        while True:
            batch, position = await self.updates.batch(position)
            if not batch:
                break
            for data in batch:
                update: messages.UpdateMessage = wire.decode_update(data, self._wanted)
                if noted and self.last is not None and update["previous"] > self.last:
                    complete = False  # matchd itself could not publish what was between
                    self._notify_all(views.gap(self.last))
                self._apply(update)
                noted = True
        if not complete:
            for channel in tuple(self._channels.values()):
                if channel.state() is not None:
                    self._reopen(channel)

    def _notify_all(self, notice: Published) -> None:
        channels = self._channels.values()
        for subscriber in {subscriber for channel in channels for subscriber in channel.subscribers}:
            subscriber.notify(notice)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            heartbeat = Published(Heartbeat(type="heartbeat", at=rfc3339(time.time_ns())), None)
            for call in tuple(self.on_heartbeat):
                call(heartbeat)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._bus.on_reconnect.discard(self._interrupted)
        self._bus.on_dropped.discard(self._interrupted)
        for task in (self._ticking, self._starting, self._refilling, *self._opening.values(), *self._tasks):
            if task is not None:
                task.cancel()


def _deliver(channel: Channel, published: Published) -> None:
    topic = channel.topic
    _deliveries.inc(len(channel.subscribers))
    for subscriber in tuple(channel.subscribers):
        subscriber.deliver(topic, published)


async def _unsubscribe(subscription: Subscription) -> None:
    try:
        await subscription.unsubscribe()
    except nats.errors.Error:
        pass  # the connection is gone, and the subscription with it
