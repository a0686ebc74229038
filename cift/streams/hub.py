"""One bus subscription per symbol (and per account), shared by all clients of this process.

`market.*.SPY` carries trades, quotes and book changes of SPY; `events.<account>.*` carries orders and
fills of an account. Messages without a subscriber are not decoded. Messages that arrive together are
sorted by id before they are delivered: on one connection ids grow over all market channels, and over all
account channels.

No message is lost without notice. The bus delivers each message at most once. So after a reconnect, or
when the bus client had to drop messages, all delivery is held back until the missed messages have been
read from JetStream. If JetStream no longer has them, subscribers get a `gap`, and books and quotes start
again from their current state. After its own restart matchd may publish a message again: its id shows
that, and it is dropped. Known limit: a process that keeps running while the whole data of the exchange is
deleted must be restarted too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import nats.errors
from cift_core import wire

from cift.kernel.clock import rfc3339
from cift.kernel.errors import CiftError, Unavailable
from cift.platform.engine import Engine
from cift.platform.metrics import Counter, Gauge
from cift.platform.nats import Nats
from cift.streams import rules, views
from cift.streams.bars import MINUTE_NS
from cift.streams.book import SnapshotNeeded
from cift.streams.channels import DECODE, AnyChannel, Bars, channel_of, subject_symbol
from cift.streams.replay import Replays
from cift.streams.rules import Id, Topic
from cift.streams.views import Published

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from cift.contracts import messages_gen as messages
    from cift.streams.subscriber import Subscriber
    from cift.streams.views import Message

log = logging.getLogger("cift.streams")
MARKET, EVENTS = "MARKET_DATA", "EVENTS"
PENDING_MESSAGES_MAX = 50_000
"""Of one subscription, in the bus client. Beyond it the client drops messages and reports it."""
HELD_MAX = 200_000
"""Messages held back during a refill. Beyond it they are dropped, and the refill reads them again."""
RETRY_S = 0.5
REBUILT_TIMEOUT_S = 10.0
SYMBOLS_QUERY_INTERVAL_S = 0.05
HEARTBEAT_S = 15
TICK_S = 1.0

subscriptions_now = Gauge(
    "cift_stream_client_subscriptions", "Topics that clients are subscribed to, all clients together"
)
bus_subscriptions_now = Gauge("cift_stream_bus_subscriptions", "Subscriptions of the bus")
messages_in = Counter("cift_stream_messages", "Messages of the bus for channels with subscribers")
refills = Counter("cift_stream_refills", "Times that missed messages were read from JetStream")
_deliveries = Counter(
    "cift_stream_deliveries", "Messages delivered to clients, coalesced ones included"
).labels()
lag = Gauge("cift_stream_lag_seconds", "From the engine's time to here, of the last message")


class _BusSubscription:
    """One subscription of the bus and the channels that it feeds."""

    __slots__ = ("by_kind", "channels", "key", "last", "ready", "stream", "subject", "subscription", "users")

    def __init__(self, stream: str, subject: str, key: str) -> None:
        self.stream, self.subject, self.key = stream, subject, key
        self.channels: dict[str, AnyChannel] = {}
        self.by_kind: dict[str, list[AnyChannel]] = {}
        self.last: Id = (0, 0)
        self.users = 0
        """Client subscriptions of all its channels."""
        self.ready: asyncio.Task[None] | None = None
        self.subscription: Subscription | None = None


class Hub:
    """The streams of this process."""

    def __init__(self, bus: Nats, engine: Engine) -> None:
        self._bus, self._engine = bus, engine
        self._replays = Replays(bus)
        self._bus_subscriptions: dict[str, _BusSubscription] = {}
        self._opening: dict[AnyChannel, asyncio.Task[None]] = {}
        self._buffered: dict[AnyChannel, list[Message]] = {}
        self._received: list[tuple[_BusSubscription, Msg]] = []
        self._flush_scheduled = False
        self._last: dict[str, Id] = {}
        self._interruptions = 0
        self._refilling: asyncio.Task[None] | None = None
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

    async def subscribe(self, subscriber: Subscriber, topic: Topic, since: Id | None) -> None:
        """Deliver a topic to `subscriber` from now on, after the messages it missed since `since`.

        Raises:
            CiftError: it is not possible now; the subscriber is not subscribed.
        """
        bus_subscription = self._bus_subscription(topic)
        channel = bus_subscription.channels.get(topic.channel)
        if channel is None:
            channel = bus_subscription.channels[topic.channel] = channel_of(topic)
            bus_subscription.by_kind.setdefault(channel.kind, []).append(channel)
        bus_subscription.users += 1
        channel.subscribers[subscriber] = None
        subscriptions_now.labels().inc()
        subscriber.hold(topic)
        try:
            await self._ready(bus_subscription)
            await self._opened(channel)
            after: Id = (0, 0)
            if since is not None and channel.can_replay:
                rebuilt = await self._rebuilt(bus_subscription.stream, since)
                after = since if rebuilt else after
                async for missed in self._missed(bus_subscription, channel, since, rebuilt=rebuilt):
                    await subscriber.replay(missed)
                    after = max((each.id for each in missed if each.id is not None), default=after)
            state = channel.state()
            if state is not None:
                await subscriber.replay([state])
                after = (max(after[0], state.body.get("sequence", 0)), 2**32)
            await subscriber.release(topic, after)
        except BaseException:
            self.unsubscribe(subscriber, topic)
            raise

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        """End a subscription; a bus subscription without users ends too."""
        bus_subscription = self._bus_subscriptions.get(_subject(topic))
        channel = bus_subscription.channels.get(topic.channel) if bus_subscription is not None else None
        if bus_subscription is None or channel is None or subscriber not in channel.subscribers:
            return
        del channel.subscribers[subscriber]
        subscriber.forget(topic)
        subscriptions_now.labels().dec()
        bus_subscription.users -= 1
        if not channel.subscribers:
            del bus_subscription.channels[topic.channel]
            bus_subscription.by_kind[channel.kind].remove(channel)
            if not bus_subscription.by_kind[channel.kind]:
                del bus_subscription.by_kind[channel.kind]
        if bus_subscription.users == 0:
            del self._bus_subscriptions[bus_subscription.subject]
            bus_subscriptions_now.labels().dec()
            if bus_subscription.ready is not None:
                bus_subscription.ready.cancel()
            if bus_subscription.subscription is not None:
                self._spawn(_unsubscribe(bus_subscription.subscription))

    def state(self, topic: Topic) -> Published | None:
        """The current state of a topic, for a subscriber that fell behind."""
        bus_subscription = self._bus_subscriptions.get(_subject(topic))
        channel = bus_subscription.channels.get(topic.channel) if bus_subscription is not None else None
        return channel.state() if channel is not None and channel.opened else None

    def _bus_subscription(self, topic: Topic) -> _BusSubscription:
        subject = _subject(topic)
        found = self._bus_subscriptions.get(subject)
        if found is None:
            stream = MARKET if topic.channel in rules.MARKET_CHANNELS else EVENTS
            found = self._bus_subscriptions[subject] = _BusSubscription(stream, subject, topic.key)
            bus_subscriptions_now.labels().inc()
        return found

    async def _ready(self, subscription: _BusSubscription) -> None:
        ready = subscription.ready
        if ready is None or (ready.done() and (ready.cancelled() or ready.exception())):
            subscription.ready = ready = asyncio.create_task(self._subscribe_bus(subscription))
        await asyncio.shield(ready)

    async def _subscribe_bus(self, subscription: _BusSubscription) -> None:
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
            self._bus.on_reconnect.add(self._interrupted)
            self._bus.on_dropped.add(self._interrupted)
        if subscription.stream not in self._last:
            last = await self._replays.last(subscription.stream)
            self._last[subscription.stream] = max(self._last.get(subscription.stream, (0, 0)), last)

        async def on_message(message: Msg) -> None:
            self._received.append((subscription, message))
            if not self._flush_scheduled:
                self._flush_scheduled = True
                asyncio.get_running_loop().call_soon(self._flush)

        try:
            client = await self._bus.connected()
            if subscription.subscription is not None:  # left by a failed attempt
                await _unsubscribe(subscription.subscription)
            subscription.subscription = await client.subscribe(
                subscription.subject, cb=on_message, pending_msgs_limit=PENDING_MESSAGES_MAX
            )
            await client.flush()  # now the server has the subscription: later messages arrive
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise Unavailable("stream_unavailable", "The message bus does not respond") from error

    async def _opened(self, channel: AnyChannel) -> None:
        if channel.opened:
            return
        opening = self._opening.get(channel)
        if opening is None:
            opening = self._opening[channel] = asyncio.create_task(self._open(channel))
        await asyncio.shield(opening)

    async def _open(self, channel: AnyChannel) -> None:
        """Bus messages that arrive while the channel opens are buffered, and applied afterwards."""
        buffered: list[Message] = []
        self._buffered[channel] = buffered
        try:
            await channel.open(self._engine, self._replays)
            channel.opened = True
            for message in buffered:
                for published in channel.take(message):
                    _deliver(channel, published)
        finally:
            del self._buffered[channel]
            self._opening.pop(channel, None)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self._refilling is not None:
            if len(self._received) > HELD_MAX:
                self._received.clear()
                self._interruptions += 1  # the refill reads them again
            return
        received, self._received = self._received, []
        self._process(received)

    def _process(self, received: list[tuple[_BusSubscription, Msg]]) -> None:
        decoded: list[tuple[Id, _BusSubscription, str, Message]] = []
        for subscription, message in received:
            tokens = message.subject.split(".")
            kind = tokens[1] if subscription.stream == MARKET else tokens[2]
            if kind in subscription.by_kind:
                try:
                    body = DECODE[kind](message.data)
                except ValueError:
                    log.exception("cannot decode a message on %s", message.subject)
                    continue
                decoded.append(((body["sequence"], body["index"]), subscription, kind, body))
        if len(decoded) > 1:
            decoded.sort(key=lambda each: each[0])
        for id, subscription, kind, body in decoded:
            if id <= subscription.last:  # published again
                continue
            if subscription.stream == MARKET and body["symbol"] != subscription.key:
                continue  # another symbol with the same token
            subscription.last = id
            self._last[subscription.stream] = max(id, self._last.get(subscription.stream, id))
            for channel in subscription.by_kind.get(kind, ()):
                self._apply(channel, body)
        if decoded:
            messages_in.labels().inc(len(decoded))
            lag.labels().set((time.time_ns() - decoded[-1][3]["timestamp"]) / 1e9)

    def _apply(self, channel: AnyChannel, message: Message) -> None:
        buffered = self._buffered.get(channel)
        if buffered is not None:
            buffered.append(message)
            return
        if not channel.opened:
            return
        try:
            messages = channel.take(message)
        except SnapshotNeeded:
            self._reopen(channel)
            return
        for published in messages:
            _deliver(channel, published)

    def _reopen(self, channel: AnyChannel) -> None:
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

    async def _missed(
        self, subscription: _BusSubscription, channel: AnyChannel, since: Id, *, rebuilt: bool
    ) -> AsyncIterator[list[Published]]:
        """The messages of a channel after `since`, for one subscriber. Newer ones are already held for it."""
        found = await self._replays.after(subscription.stream, since)
        if found is None or not (rebuilt and found.complete):
            symbol = subscription.key if subscription.stream == MARKET else None
            yield [views.gap(channel.topic.channel, symbol, since)]
        if found is None:
            return
        subject = subscription.subject.replace("*", channel.kind)
        begin: dict[str, Any] = {"position": found.position, "end": found.end}
        if isinstance(channel, Bars):
            first = await self._first_trade(subscription.stream, subject, found.position)
            if first is None:
                return
            start = first["timestamp"] // MINUTE_NS * MINUTE_NS
            begin = {"since_time": rfc3339(start), "end": found.end}
        trades_of_bars: list[Message] = []
        async for batch in self._replays.read(subscription.stream, subject, **begin):
            decoded = [DECODE[channel.kind](each.data) for each in batch]
            own = [
                each
                for each in decoded
                if subscription.stream == EVENTS or each["symbol"] == subscription.key
            ]
            if isinstance(channel, Bars):
                trades_of_bars += own
            else:
                missed = [each for each in own if (each["sequence"], each["index"]) > since]
                yield channel.replay(missed, since)
        if trades_of_bars:
            yield channel.replay(trades_of_bars, since)

    async def _rebuilt(self, stream: str, since: Id) -> bool:
        """Wait until a stream has all messages that were received here and by the subscriber: after a
        restart of the bus matchd publishes it again from the journal. False: not in time, or `since`
        never existed."""
        deadline = time.monotonic() + REBUILT_TIMEOUT_S
        while await self._replays.last(stream) < max(self._last.get(stream, since), since):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(RETRY_S)
        return True

    async def _first_trade(self, stream: str, subject: str, position: int) -> messages.TradeMessage | None:
        found = self._replays.read(stream, subject, position=position)
        try:
            async for batch in found:
                trade: messages.TradeMessage = wire.decode_trade(batch[0].data)
                return trade
        finally:
            await found.aclose()  # frees its slot among the replays
        return None

    def _interrupted(self) -> None:
        """Messages may have been lost between the bus and here."""
        self._interruptions += 1
        if self._bus_subscriptions and self._refilling is None:
            self._refilling = asyncio.create_task(self._refill())
            refills.labels().inc()

    async def _refill(self) -> None:
        try:
            done = 0
            while done != self._interruptions:
                done = self._interruptions
                for stream, subject in ((MARKET, "market.>"), (EVENTS, "events.>")):
                    await self._refill_from(stream, subject)
        except CiftError as error:
            log.warning("cannot read missed messages; trying again", extra={"reason": error.code})
            await asyncio.sleep(RETRY_S)
            self._interruptions += 1
            self._refilling = asyncio.create_task(self._refill())
            return
        self._refilling = None
        self._flush()

    async def _refill_from(self, stream: str, subject: str) -> None:
        since = self._last.get(stream)
        subscriptions = [each for each in self._bus_subscriptions.values() if each.stream == stream]
        if since is None or not subscriptions:
            return
        found = await self._replays.after(stream, since)
        if found is None:
            return
        if not found.complete:
            for subscription in subscriptions:
                for channel in subscription.channels.values():
                    symbol = subscription.key if stream == MARKET else None
                    _deliver(channel, views.gap(channel.topic.channel, symbol, since))
        async for batch in self._replays.read(stream, subject, position=found.position):
            received = []
            for message in batch:
                message.subject = (message.headers or {}).get("Nats-Subject", "")
                own = self._bus_subscriptions.get(_pattern(message.subject))
                if own is not None:
                    received.append((own, message))
            self._process(received)
        if not found.complete:
            for subscription in subscriptions:
                for channel in subscription.channels.values():
                    if channel.state() is not None:
                        self._reopen(channel)

    async def _tick(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(TICK_S)
            turn += 1
            now_ns = time.time_ns()
            for subscription in tuple(self._bus_subscriptions.values()):
                for channel in tuple(subscription.channels.values()):
                    for published in channel.tick(now_ns) if channel.opened else ():
                        _deliver(channel, published)
            if turn % HEARTBEAT_S == 0:
                heartbeat = views.notice("heartbeat", at=rfc3339(now_ns))
                for call in tuple(self.on_heartbeat):
                    call(heartbeat)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._bus.on_reconnect.discard(self._interrupted)
        self._bus.on_dropped.discard(self._interrupted)
        for task in (self._ticking, self._refilling, *self._opening.values(), *self._tasks):
            if task is not None:
                task.cancel()


def _deliver(channel: AnyChannel, published: Published) -> None:
    topic = channel.topic
    _deliveries.inc(len(channel.subscribers))
    for subscriber in tuple(channel.subscribers):
        subscriber.deliver(topic, published)


def _subject(topic: Topic) -> str:
    if topic.channel in rules.MARKET_CHANNELS:
        return f"market.*.{subject_symbol(topic.key)}"
    return f"events.{topic.key}.*"


def _pattern(subject: str) -> str:
    """The subscription that a subject belongs to."""
    first, second, third = [*subject.split(".", 2), "", ""][:3]
    return f"market.*.{third}" if first == "market" else f"{first}.{second}.*"


async def _unsubscribe(subscription: Subscription) -> None:
    try:
        await subscription.unsubscribe()
    except nats.errors.Error:
        pass  # the connection is gone, and the subscription with it
