"""Missed messages, read from the JetStream streams MARKET_DATA and EVENTS.

Ids (`Nats-Msg-Id`: journal record, index) grow with the stream's own sequence, so a binary search finds
the position after an id. From there messages of a subject are read in batches with JetStream's batched
direct get, which creates no consumer. EVENTS and MARKET_DATA are bounded memory streams: messages older
than their first one are gone, and `Missed.complete` is then False.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats.errors
import nats.js.errors

from cift.kernel.errors import Unavailable
from cift.platform.nats import Nats
from cift.streams.rules import Id, parse_since

if TYPE_CHECKING:
    from nats.aio.msg import Msg

BATCH_MESSAGES = 500
BATCH_BYTES = 1024 * 1024
RESPONSE_TIMEOUT_S = 5.0
CONCURRENT_MAX = 8
"""Replays of this process at the same time; others wait."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The range of a replay."""

    position: int
    """Stream sequence of the first message after the id; one beyond the last message if there is none."""
    complete: bool
    """No message between the id and that position has been discarded."""
    end: int
    """The last message at the time of the search. Later ones reach the subscriber live, so a replay does
    not chase the growing stream."""


class Replays:
    """The replays of this process."""

    def __init__(self, bus: Nats) -> None:
        self._bus = bus
        self._slots = asyncio.Semaphore(CONCURRENT_MAX)

    async def last(self, stream: str) -> Id:
        """Id of a stream's last message; (0, 0) if the stream is empty or does not exist. Raises
        Unavailable."""
        state = await self._state(stream)
        if state is None:
            return 0, 0
        found = await self._message(stream, state[1])
        return _id(found) if found is not None else (0, 0)

    async def after(self, stream: str, since: Id) -> Missed | None:
        """Where the messages after `since` begin. None if the stream does not exist or is empty: then it
        has just been created, and all its messages are still to be published. Raises Unavailable."""
        state = await self._state(stream)
        if state is None or state[1] < max(state[0], 1):  # a new stream has first and last sequence 0
            return None
        low, high = state[0], state[1] + 1
        first = await self._message(stream, low)
        complete = first is not None and _id(first) <= since
        while low < high:
            middle = (low + high) // 2
            message = await self._message(stream, middle)
            if message is None or _id(message) <= since:  # None: discarded since the state was read
                low = middle + 1
            else:
                high = middle
        return Missed(low, complete, state[1])

    async def read(
        self,
        stream: str,
        subject: str,
        *,
        position: int = 1,
        since_time: str | None = None,
        end: int | None = None,
    ) -> AsyncGenerator["list[Msg]", None]:
        """The messages of a subject (wildcards allowed), in batches, from a position or a time (RFC 3339)
        to `end` or the last one. Raises Unavailable."""
        async with self._slots:
            begin: dict[str, object] = {"seq": position}
            if since_time is not None:
                begin = {"start_time": since_time}
            while True:
                request = {
                    **begin,
                    "batch": BATCH_MESSAGES,
                    "max_bytes": BATCH_BYTES,
                    "next_by_subj": subject,
                }
                messages, pending = await self._batch(stream, request)
                if end is not None and messages and _sequence(messages[-1]) >= end:
                    messages, pending = [each for each in messages if _sequence(each) <= end], 0
                if messages:
                    yield messages
                if not messages or not pending:
                    return
                begin = {"seq": _sequence(messages[-1]) + 1}

    async def _state(self, stream: str) -> tuple[int, int] | None:
        js = await self._bus.jetstream()
        try:
            state = (await js.stream_info(stream)).state
        except nats.js.errors.NotFoundError:
            return None
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable() from error
        return state.first_seq, state.last_seq

    async def _message(self, stream: str, sequence: int) -> "Msg | None":
        request = json.dumps({"seq": sequence}).encode()
        try:
            client = await self._bus.connected()
            subject = f"$JS.API.DIRECT.GET.{stream}"
            message = await client.request(subject, request, timeout=RESPONSE_TIMEOUT_S)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable() from error
        return None if _header(message, "Status") else message

    async def _batch(self, stream: str, request: dict[str, object]) -> "tuple[list[Msg], int]":
        """Messages, and how many come after them."""
        client = await self._bus.connected()
        inbox = client.new_inbox()
        found: list[Msg] = []
        end: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        async def on_message(message: "Msg") -> None:
            if not _header(message, "Status"):
                found.append(message)
            elif not end.done():
                end.set_result(message)

        try:
            subscription = await client.subscribe(inbox, cb=on_message)
            try:
                payload = json.dumps(request).encode()
                await client.publish(f"$JS.API.DIRECT.GET.{stream}", payload, reply=inbox)
                last = await asyncio.wait_for(end, RESPONSE_TIMEOUT_S)
            finally:
                await subscription.unsubscribe()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable() from error
        match _header(last, "Status"):
            case "204":
                return found, int(_header(last, "Nats-Num-Pending") or 0)
            case "404":
                return found, 0
        raise _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable(
        "stream_unavailable", "Missed messages cannot be read at the moment. None is lost: try again."
    )


def _header(message: "Msg", name: str) -> str:
    return (message.headers or {}).get(name, "")


def _sequence(message: "Msg") -> int:
    """The stream's sequence."""
    return int(_header(message, "Nats-Sequence") or 0)


def _id(message: "Msg") -> Id:
    return parse_since(_header(message, "Nats-Msg-Id")) or (0, 0)
