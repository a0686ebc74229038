"""`GET /v2/events/trades`: the updates of an account's orders as Server-Sent Events, which can be resumed.

Each event has its id in the field `event_id` of its data and as the event's id. `since_id` replays what came
after that id, as far as the bus still has it; a comment reports where something is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
from starlette.responses import StreamingResponse

from cift.alpaca import times
from cift.alpaca.errors import invalid
from cift.alpaca.updates import CHANNELS, Update, Updates
from cift.kernel.errors import CiftError
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.streams.catch_up import CatchUp
from cift.streams.rules import Id, Topic, parse_since
from cift.streams.streams import Streams
from cift.streams.subscriber import Subscriber, Transport
from cift.streams.views import Published

WAITING_MAX = 20_000
COMMENT_EVERY_S = 15.0
DURATION_S = 270.0
"""A response ends after this time, below every time limit on its way; the client's next request continues."""
RETRY_S = 0.2


class _Events(Transport):
    """The messages of one response."""

    def __init__(self, trader: Trader) -> None:
        self.waiting: asyncio.Queue[Published | None] = asyncio.Queue(WAITING_MAX)
        self.trader: Trader | None = trader

    def offer(self, published: Published) -> bool:
        self.write(published)
        return True

    def write(self, published: Published) -> None:
        try:
            self.waiting.put_nowait(published)
        except asyncio.QueueFull:
            pass  # the reader is slow: its response ends below, and it resumes by the last id

    @property
    def is_behind(self) -> bool:
        return self.waiting.full()

    @property
    def unsent_bytes(self) -> int:
        return 0

    def end(self, error: CiftError) -> None:
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


def response(
    streams: Streams,
    trader: Trader,
    database: Database,
    since: str | None,
    until: str | None,
    since_id: str | None,
    until_id: str | None,
) -> StreamingResponse:
    """The response. Raises AlpacaError: a parameter is not valid."""
    after: Id | None = None
    if since_id is not None:
        after = _id(since_id, "since_id")
    elif since is not None:
        after = (0, 0)  # everything that the bus has; earlier events are skipped by their time
    begin = times.time_ns(since, "since")
    end = times.time_ns(until, "until")
    last = _id(until_id, "until_id") if until_id is not None else None
    content = _content(streams, trader, database, after, begin, end, last)
    return StreamingResponse(
        content,
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def _id(text: str, field: str) -> Id:
    try:
        found = parse_since(text)
    except CiftError:
        found = None
    if found is None:
        raise invalid(f"invalid {field} {text[:64]!r}: it is the id of an earlier event")
    return found


async def _content(
    streams: Streams,
    trader: Trader,
    database: Database,
    after: Id | None,
    begin_ns: int | None,
    end_ns: int | None,
    last: Id | None,
) -> AsyncIterator[bytes]:
    events = _Events(trader)
    streams.connections.add(events)
    subscriber = Subscriber(streams.hub, events)
    topics = [Topic(channel, trader.account_id) for channel in CHANNELS]
    updates = Updates(trader, database)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DURATION_S
    try:
        yield b": connected\n\n"
        catch_up = CatchUp(streams.hub, streams.places, subscriber, None)
        await catch_up.subscribe(topics, after, trader.account_id)
        while (left := deadline - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, COMMENT_EVERY_S)):
                    published = await events.waiting.get()
            except TimeoutError:
                yield b": heartbeat\n\n"
                continue
            if published is None or events.waiting.full():
                break
            if published.id is None:
                yield b": " + orjson.dumps(published.body) + b"\n\n"
                continue
            if (last is not None and published.id > last) or (end_ns is not None and published.at > end_ns):
                break
            if begin_ns is not None and published.at < begin_ns:
                continue
            for update in await _complete(updates, published):
                data = orjson.dumps({**update.body, "event_id": update.id, "at": update.body["timestamp"]})
                yield b"id: %s\ndata: %s\n\n" % (update.id.encode(), data)
    finally:
        streams.connections.discard(events)
        for topic in topics:
            streams.hub.unsubscribe(subscriber, topic)


async def _complete(updates: Updates, published: Published) -> list[Update]:
    while True:
        try:
            return await updates.of(published)
        except CiftError:  # the read model is behind or unavailable
            await asyncio.sleep(RETRY_S)
