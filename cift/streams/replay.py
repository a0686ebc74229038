"""What was missed, read from the JetStream streams of the fan-out.

Ids (`Nats-Msg-Id`: journal record, index) rise with the stream's own sequence, so the place after an id is
found by halving; from there messages of a subject are read in batches (JetStream's batched direct get: no
consumer is made, nothing is left behind). EVENTS and MARKET_DATA are bounded memory streams: what is older
than their first message is gone, and `Missed.whole` says so.
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
from cift.streams.rules import Id, since_of

if TYPE_CHECKING:
    from nats.aio.msg import Msg

BATCH_MESSAGES = 500
BATCH_BYTES = 1024 * 1024
ANSWER_TIMEOUT_S = 5.0
AT_ONCE_MAX = 8
"""Replays of this process; others wait for their turn."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Where a replay begins."""

    position: int
    """Stream sequence of the first message after the id; one beyond the last where there is none."""
    whole: bool
    """Nothing between the id and that message has been discarded."""
    end: int
    """The last message that there is now. What comes later is heard live by whoever listens already, so a
    replay does not run after a stream that goes on."""


class Replays:
    """The reading of this process."""

    def __init__(self, bus: Nats) -> None:
        self._bus = bus
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def last(self, stream: str) -> Id:
        """Id of a stream's last message; (0, 0) where there is none, or no stream. Raises Unavailable."""
        state = await self._state(stream)
        if state is None:
            return 0, 0
        found = await self._one(stream, state[1])
        return _id(found) if found is not None else (0, 0)

    async def after(self, stream: str, since: Id) -> Missed | None:
        """Where the messages after `since` begin; None where the stream does not exist, or is empty: then
        it is made anew, and all of it is still to be published. Raises Unavailable."""
        state = await self._state(stream)
        if state is None or state[1] < max(state[0], 1):  # one that was just made begins and ends at 0
            return None
        low, high = state[0], state[1] + 1
        first = await self._one(stream, low)
        whole = first is not None and _id(first) <= since
        while low < high:
            middle = (low + high) // 2
            message = await self._one(stream, middle)
            if message is None or _id(message) <= since:  # discarded meanwhile, or had
                low = middle + 1
            else:
                high = middle
        return Missed(low, whole, state[1])

    async def read(
        self,
        stream: str,
        subject: str,
        *,
        position: int = 1,
        since_time: str | None = None,
        end: int | None = None,
    ) -> AsyncGenerator["list[Msg]", None]:
        """The messages of a subject (wildcards allowed) from a position, or from a moment (RFC 3339), batch
        by batch, to `end` or until there are no more. Raises Unavailable."""
        async with self._turns:
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

    async def _one(self, stream: str, sequence: int) -> "Msg | None":
        request = json.dumps({"seq": sequence}).encode()
        try:
            client = await self._bus.connected()
            message = await client.request(f"$JS.API.DIRECT.GET.{stream}", request, timeout=ANSWER_TIMEOUT_S)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable() from error
        return None if _header(message, "Status") else message

    async def _batch(self, stream: str, request: dict[str, object]) -> "tuple[list[Msg], int]":
        """Messages, and how many come after them."""
        client = await self._bus.connected()
        inbox = client.new_inbox()
        found: list[Msg] = []
        end: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        async def arrive(message: "Msg") -> None:
            if not _header(message, "Status"):
                found.append(message)
            elif not end.done():
                end.set_result(message)

        try:
            subscription = await client.subscribe(inbox, cb=arrive)
            try:
                payload = json.dumps(request).encode()
                await client.publish(f"$JS.API.DIRECT.GET.{stream}", payload, reply=inbox)
                last = await asyncio.wait_for(end, ANSWER_TIMEOUT_S)
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
    return Unavailable("stream_unavailable", "What was missed cannot be read now; nothing is lost, try again")


def _header(message: "Msg", name: str) -> str:
    return (message.headers or {}).get(name, "")


def _sequence(message: "Msg") -> int:
    """Of the stream."""
    return int(_header(message, "Nats-Sequence") or 0)


def _id(message: "Msg") -> Id:
    return since_of(_header(message, "Nats-Msg-Id")) or (0, 0)
