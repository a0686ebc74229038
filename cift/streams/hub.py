"""One subscription of the bus a symbol (and one an account), however many clients listen in this process.

`market.*.SPY` brings trades, quotes and book changes of SPY, `events.<account>.*` orders and fills of an
account. What has no listener is not even decoded. Messages that arrive together are put into the order of
their ids before anybody hears them: per connection ids rise, over all its market channels, and over all its
own channels.

Nothing is missed unnoticed. The bus promises each message at most once, so after a reconnect, or when its
client had to drop something, everything is held back until what came meanwhile has been read from JetStream.
If that is not kept there any more, listeners are told (`gap`), and books and quotes begin anew. matchd may
publish a message again after its own restart: ids say so, and it is dropped. Known limit: a process that
outlives the exchange's whole data must be restarted too.
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
from cift.streams.book import Lost
from cift.streams.channels import DECODE, Bars, Channel, channel_of, subject_symbol
from cift.streams.replay import Replays
from cift.streams.rules import Id, Topic
from cift.streams.views import Message, Published

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from cift.streams.reader import Reader

log = logging.getLogger("cift.streams")
MARKET, EVENTS = "MARKET_DATA", "EVENTS"
PENDING_MESSAGES_MAX = 50_000
"""Of one subscription, in the client of the bus; beyond them it drops, and says so."""
HELD_MAX = 200_000
"""Messages held back while what was missed is read; beyond them it is read again."""
FILL_AGAIN_S = 0.5
REBUILT_TIMEOUT_S = 10.0
SYMBOLS_ASKED_EVERY_S = 0.05
HEARTBEAT_S = 15
TICK_S = 1.0

listeners_now = Gauge("cift_stream_listeners", "Listeners of a channel of a symbol, all together")
feeds_now = Gauge("cift_stream_subscriptions", "Subscriptions of the bus")
messages_in = Counter("cift_stream_messages", "Messages of the bus that were told to listeners")
refills = Counter("cift_stream_refills", "Times that missed messages were read from JetStream")
_told = Counter("cift_stream_told", "Messages told to clients, or spared them").labels()
lag = Gauge("cift_stream_lag_seconds", "From the engine's time to here, of the last message")


class _Feed:
    """One subscription of the bus and the channels made of it."""

    __slots__ = ("channels", "kinds", "last", "of", "ready", "stream", "subject", "subscription", "users")

    def __init__(self, stream: str, subject: str, of: str) -> None:
        self.stream, self.subject, self.of = stream, subject, of
        self.channels: dict[str, Channel] = {}
        self.kinds: dict[str, list[Channel]] = {}
        self.last: Id = (0, 0)
        self.users = 0
        self.ready: asyncio.Task[None] | None = None
        self.subscription: Subscription | None = None


class Hub:
    """The streams of this process."""

    def __init__(self, bus: Nats, engine: Engine) -> None:
        self._bus, self._engine = bus, engine
        self._replays = Replays(bus)
        self._feeds: dict[str, _Feed] = {}
        self._opening: dict[Channel, asyncio.Task[None]] = {}
        self._early: dict[Channel, list[Message]] = {}
        self._arrived: list[tuple[_Feed, Msg]] = []
        self._scheduled = False
        self._last: dict[str, Id] = {}
        self._interruptions = 0
        self._refill: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._symbols: frozenset[str] = frozenset()
        self._symbols_at = 0.0
        self._symbols_asked = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_heartbeat: set[Callable[[Published], None]] = set()

    # ── what there is ───────────────────────────────────────────────────────────────────────────
    async def symbols(self, wanted: tuple[str, ...]) -> frozenset[str]:
        """All instruments; asked of the engine again when `wanted` are not all among them. Those who ask at
        the same time share an answer, and there is a pause between two. Raises Unavailable."""
        if self._symbols.issuperset(each for each in wanted if rules.is_symbol(each)):
            return self._symbols
        asked_at = time.monotonic()
        async with self._symbols_asked:
            if self._symbols_at < asked_at:
                await asyncio.sleep(self._symbols_at + SYMBOLS_ASKED_EVERY_S - time.monotonic())
                self._symbols_at = time.monotonic()
                answer = await self._engine.query({"instruments": {}})
                self._symbols = frozenset(each["symbol"] for each in answer["instruments"])
        return self._symbols

    # ── listeners ───────────────────────────────────────────────────────────────────────────────
    async def join(self, reader: Reader, topic: Topic, since: Id | None) -> None:
        """Have `reader` hear a topic from now on, what it missed after `since` first.

        Raises:
            CiftError: it cannot be had now; the reader does not hear it.
        """
        feed = self._feed(topic)
        channel = feed.channels.get(topic.channel)
        if channel is None:
            channel = feed.channels[topic.channel] = channel_of(topic)
            feed.kinds.setdefault(channel.kind, []).append(channel)
        feed.users += 1
        channel.listeners[reader] = None
        listeners_now.labels().inc()
        reader.hold(topic)
        try:
            await self._ready(feed)
            await self._opened(channel)
            after: Id = (0, 0)
            if since is not None and channel.replays:
                whole = await self._rebuilt(feed.stream, since)
                after = since if whole else after
                async for missed in self._missed(feed, channel, since, whole=whole):
                    await reader.pour(missed)
                    after = max((each.id for each in missed if each.id is not None), default=after)
            greeting = channel.greeting()
            if greeting is not None:
                await reader.pour([greeting])
                after = (max(after[0], greeting.body.get("sequence", 0)), 2**32)
            await reader.release(topic, after)
        except BaseException:
            self.leave(reader, topic)
            raise

    def leave(self, reader: Reader, topic: Topic) -> None:
        """End it; what nobody hears any more is not asked of the bus."""
        feed = self._feeds.get(_subject(topic))
        channel = feed.channels.get(topic.channel) if feed is not None else None
        if feed is None or channel is None or reader not in channel.listeners:
            return
        del channel.listeners[reader]
        reader.forget(topic)
        listeners_now.labels().dec()
        feed.users -= 1
        if not channel.listeners:
            del feed.channels[topic.channel]
            feed.kinds[channel.kind].remove(channel)
            if not feed.kinds[channel.kind]:
                del feed.kinds[channel.kind]
        if feed.users == 0:
            del self._feeds[feed.subject]
            feeds_now.labels().dec()
            if feed.ready is not None:
                feed.ready.cancel()
            if feed.subscription is not None:
                self._spawn(_unsubscribe(feed.subscription))

    def greet(self, reader: Reader, topic: Topic) -> Published | None:
        """The state of a topic as it is now, for a listener who fell behind."""
        feed = self._feeds.get(_subject(topic))
        channel = feed.channels.get(topic.channel) if feed is not None else None
        return channel.greeting() if channel is not None and channel.opened else None

    # ── opening ─────────────────────────────────────────────────────────────────────────────────
    def _feed(self, topic: Topic) -> _Feed:
        subject = _subject(topic)
        feed = self._feeds.get(subject)
        if feed is None:
            stream = MARKET if topic.channel in rules.PUBLIC else EVENTS
            feed = self._feeds[subject] = _Feed(stream, subject, topic.of)
            feeds_now.labels().inc()
        return feed

    async def _ready(self, feed: _Feed) -> None:
        if feed.ready is None or (feed.ready.done() and (feed.ready.cancelled() or feed.ready.exception())):
            feed.ready = asyncio.create_task(self._subscribe(feed))
        await asyncio.shield(feed.ready)

    async def _subscribe(self, feed: _Feed) -> None:
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
            self._bus.on_reconnect.add(self._interrupted)
            self._bus.on_dropped.add(self._interrupted)
        if feed.stream not in self._last:
            last = await self._replays.last(feed.stream)
            self._last[feed.stream] = max(self._last.get(feed.stream, (0, 0)), last)

        async def arrive(message: Msg) -> None:
            self._arrived.append((feed, message))
            if not self._scheduled:
                self._scheduled = True
                asyncio.get_running_loop().call_soon(self._flush)

        try:
            client = await self._bus.connected()
            if feed.subscription is not None:  # a try before this one got no further
                await _unsubscribe(feed.subscription)
            feed.subscription = await client.subscribe(
                feed.subject, cb=arrive, pending_msgs_limit=PENDING_MESSAGES_MAX
            )
            await client.flush()  # the server has it: what is published from now on arrives
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise Unavailable("stream_unavailable", "The message bus does not answer") from error

    async def _opened(self, channel: Channel) -> None:
        if channel.opened:
            return
        opening = self._opening.get(channel)
        if opening is None:
            opening = self._opening[channel] = asyncio.create_task(self._open(channel))
        await asyncio.shield(opening)

    async def _open(self, channel: Channel) -> None:
        """While it asks, what the bus brings for it waits in `_early`, and follows."""
        early: list[Message] = []
        self._early[channel] = early
        try:
            await channel.open(self._engine, self._replays)
            channel.opened = True
            for message in early:
                for published in channel.take(message):
                    _tell(channel, published)
        finally:
            del self._early[channel]
            self._opening.pop(channel, None)

    # ── what the bus brings ─────────────────────────────────────────────────────────────────────
    def _flush(self) -> None:
        self._scheduled = False
        if self._refill is not None:
            if len(self._arrived) > HELD_MAX:
                self._arrived.clear()
                self._interruptions += 1  # it is read again
            return
        arrived, self._arrived = self._arrived, []
        self._deal_with(arrived)

    def _deal_with(self, arrived: list[tuple[_Feed, Msg]]) -> None:
        decoded: list[tuple[Id, _Feed, str, Message]] = []
        for feed, message in arrived:
            tokens = message.subject.split(".")
            kind = tokens[1] if feed.stream == MARKET else tokens[2]
            if kind in feed.kinds:
                try:
                    said = DECODE[kind](message.data)
                except ValueError:
                    log.exception("a message on %s cannot be read", message.subject)
                    continue
                decoded.append(((said["sequence"], said["index"]), feed, kind, said))
        if len(decoded) > 1:
            decoded.sort(key=lambda each: each[0])
        for id, feed, kind, said in decoded:
            if id <= feed.last:  # published again
                continue
            if feed.stream == MARKET and said["symbol"] != feed.of:
                continue  # another symbol with the same token
            feed.last = id
            self._last[feed.stream] = max(id, self._last.get(feed.stream, id))
            for channel in feed.kinds.get(kind, ()):
                self._take(channel, said)
        if decoded:
            messages_in.labels().inc(len(decoded))
            lag.labels().set((time.time_ns() - decoded[-1][3]["timestamp"]) / 1e9)

    def _take(self, channel: Channel, message: Message) -> None:
        early = self._early.get(channel)
        if early is not None:
            early.append(message)
            return
        if not channel.opened:
            return
        try:
            told = channel.take(message)
        except Lost:
            self._again(channel)
            return
        for published in told:
            _tell(channel, published)

    def _again(self, channel: Channel) -> None:
        """Open a channel anew, and greet all its listeners."""
        channel.opened = False

        async def reopen() -> None:
            while channel.listeners:
                try:
                    await self._opened(channel)
                except CiftError:
                    await asyncio.sleep(FILL_AGAIN_S)
                    continue
                greeting = channel.greeting()
                if greeting is not None:
                    _tell(channel, greeting)
                return

        self._spawn(reopen())

    # ── what was missed ─────────────────────────────────────────────────────────────────────────
    async def _missed(
        self, feed: _Feed, channel: Channel, since: Id, *, whole: bool
    ) -> AsyncIterator[list[Published]]:
        """For one listener, who hears what is new already: what its channel said after `since`."""
        found = await self._replays.after(feed.stream, since)
        if found is None or not (whole and found.whole):
            of = feed.of if feed.stream == MARKET else None
            yield [views.gap(channel.topic.channel, of, since)]
        if found is None:
            return
        token = feed.subject.replace("*", channel.kind)
        begin: dict[str, Any] = {"position": found.position, "end": found.end}
        if isinstance(channel, Bars):
            first = await self._first(feed.stream, token, found.position)
            if first is None:
                return
            start = first["timestamp"] // MINUTE_NS * MINUTE_NS
            begin = {"since_time": rfc3339(start), "end": found.end}
        past: list[Message] = []
        async for batch in self._replays.read(feed.stream, token, **begin):
            decoded = [DECODE[channel.kind](each.data) for each in batch]
            mine = [each for each in decoded if feed.stream == EVENTS or each["symbol"] == feed.of]
            if isinstance(channel, Bars):
                past += mine
            else:
                missed = [each for each in mine if (each["sequence"], each["index"]) > since]
                yield channel.again(missed, since)
        if past:
            yield channel.again(past, since)

    async def _rebuilt(self, stream: str, since: Id) -> bool:
        """Wait until a stream has all that was heard of it, here and by the listener: after a restart of the
        bus it is published anew from the journal. False: not in time, or `since` never was."""
        deadline = time.monotonic() + REBUILT_TIMEOUT_S
        while await self._replays.last(stream) < max(self._last.get(stream, since), since):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(FILL_AGAIN_S)
        return True

    async def _first(self, stream: str, subject: str, position: int) -> Message | None:
        found = self._replays.read(stream, subject, position=position)
        try:
            async for batch in found:
                trade: Message = wire.decode_trade(batch[0].data)
                return trade
        finally:
            await found.aclose()  # it gives its turn to another
        return None

    def _interrupted(self) -> None:
        """Something may have been lost between the bus and here."""
        self._interruptions += 1
        if self._feeds and self._refill is None:
            self._refill = asyncio.create_task(self._fill())
            refills.labels().inc()

    async def _fill(self) -> None:
        try:
            done = 0
            while done != self._interruptions:
                done = self._interruptions
                for stream, subject in ((MARKET, "market.>"), (EVENTS, "events.>")):
                    await self._fill_from(stream, subject)
        except CiftError as error:
            log.warning("what was missed cannot be read: again", extra={"reason": error.code})
            await asyncio.sleep(FILL_AGAIN_S)
            self._interruptions += 1
            self._refill = asyncio.create_task(self._fill())
            return
        self._refill = None
        self._flush()

    async def _fill_from(self, stream: str, subject: str) -> None:
        since = self._last.get(stream)
        feeds = [feed for feed in self._feeds.values() if feed.stream == stream]
        if since is None or not feeds:
            return
        found = await self._replays.after(stream, since)
        if found is None:
            return
        if not found.whole:
            for feed in feeds:
                for channel in feed.channels.values():
                    of = feed.of if stream == MARKET else None
                    _tell(channel, views.gap(channel.topic.channel, of, since))
        async for batch in self._replays.read(stream, subject, position=found.position):
            arrived = []
            for message in batch:
                message.subject = (message.headers or {}).get("Nats-Subject", "")
                own = self._feeds.get(_pattern(message.subject))
                if own is not None:
                    arrived.append((own, message))
            self._deal_with(arrived)
        if not found.whole:
            for feed in feeds:
                for channel in feed.channels.values():
                    if channel.greeting() is not None:
                        self._again(channel)

    # ── each second ─────────────────────────────────────────────────────────────────────────────
    async def _tick(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(TICK_S)
            turn += 1
            now_ns = time.time_ns()
            for feed in tuple(self._feeds.values()):
                for channel in tuple(feed.channels.values()):
                    for published in channel.tick(now_ns) if channel.opened else ():
                        _tell(channel, published)
            if turn % HEARTBEAT_S == 0:
                beat = views.notice("heartbeat", at=rfc3339(now_ns))
                for call in tuple(self.on_heartbeat):
                    call(beat)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._bus.on_reconnect.discard(self._interrupted)
        self._bus.on_dropped.discard(self._interrupted)
        for task in (self._ticking, self._refill, *self._opening.values(), *self._tasks):
            if task is not None:
                task.cancel()


def _tell(channel: Channel, published: Published) -> None:
    topic = channel.topic
    _told.inc(len(channel.listeners))
    for reader in tuple(channel.listeners):
        reader.deliver(topic, published)


def _subject(topic: Topic) -> str:
    if topic.channel in rules.PUBLIC:
        return f"market.*.{subject_symbol(topic.of)}"
    return f"events.{topic.of}.*"


def _pattern(subject: str) -> str:
    """The subscription that a subject belongs to."""
    first, second, third = [*subject.split(".", 2), "", ""][:3]
    return f"market.*.{third}" if first == "market" else f"{first}.{second}.*"


async def _unsubscribe(subscription: Subscription) -> None:
    try:
        await subscription.unsubscribe()
    except nats.errors.Error:
        pass  # the connection is gone, and with it the subscription
