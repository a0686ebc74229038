"""The stream UPDATES, read back: what clients missed.

matchd publishes one message per journal record that changed something for clients. Each has the id of its
last item (`Nats-Msg-Id`) and that of the message before it. Ids grow with the stream's own sequence, so a
binary search finds the position after an id. From there messages are read in batches with JetStream's
batched direct get, which creates no consumer. UPDATES is a bounded memory stream: older messages are gone,
and `Start.complete` is then False.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats.errors
import nats.js.errors
from cift_core import wire

from cift.kernel.errors import Unavailable
from cift.platform.nats import Nats
from cift.streams.rules import Id, parse_since

if TYPE_CHECKING:
    from nats.aio.msg import Msg

BATCH_MESSAGES = 500
BATCH_BYTES = 256 * 1024
RESPONSE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Start:
    """Where the messages after an id begin."""

    position: int
    """Stream sequence of the first message after the id; one beyond the last message if there is none."""
    complete: bool
    """No message between the id and that position has been discarded."""


class Updates:
    """Reads the stream of a shard."""

    def __init__(self, bus: Nats, shard: str) -> None:
        self._bus = bus
        self._stream = "UPDATES" if shard == "main" else f"UPDATES_{shard}"
        self.subject = f"updates.{shard}"

    async def last(self) -> Id | None:
        """Id of the last message; None if the stream is empty or does not exist. Raises Unavailable."""
        found = await self._get({"last_by_subj": self.subject})
        return None if found is None else _id(found)

    async def after(self, since: Id) -> Start | None:
        """Where the messages after `since` begin. None if the stream does not exist or is empty: then it
        has just been created, and all its messages are still to be published. Raises Unavailable."""
        state = await self._state()
        if state is None or state[1] < max(state[0], 1):  # a new stream has first and last sequence 0
            return None
        low, high = state[0], state[1] + 1
        first = await self._get({"seq": low})
        complete = first is not None and tuple(wire.decode_update(first.data, "trade")["previous"]) <= since
        while low < high:
            middle = (low + high) // 2
            message = await self._get({"seq": middle})
            if message is None or _id(message) <= since:  # None: discarded since the state was read
                low = middle + 1
            else:
                high = middle
        return Start(low, complete)

    async def batch(self, position: int) -> tuple[list[bytes], int]:
        """The messages from a position on, a bounded number of them, and the position after them. None: the
        stream ends there. Raises Unavailable."""
        request = {
            "seq": position,
            "batch": BATCH_MESSAGES,
            "max_bytes": BATCH_BYTES,
            "next_by_subj": self.subject,
        }
        found = await self._batch(request)
        if not found:
            return [], position
        return [message.data for message in found], _sequence(found[-1]) + 1

    async def since(self, time: str) -> tuple[list[bytes], int]:
        """As `batch`, from a time on (RFC 3339)."""
        found = await self._batch(
            {
                "start_time": time,
                "batch": BATCH_MESSAGES,
                "max_bytes": BATCH_BYTES,
                "next_by_subj": self.subject,
            }
        )
        return [message.data for message in found], _sequence(found[-1]) + 1 if found else 1

    async def _state(self) -> tuple[int, int] | None:
        js = await self._bus.jetstream()
        try:
            state = (await js.stream_info(self._stream)).state
        except nats.js.errors.NotFoundError:
            return None
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable() from error
        return state.first_seq, state.last_seq

    async def _get(self, request: dict[str, object]) -> "Msg | None":
        try:
            client = await self._bus.connected()
            subject = f"$JS.API.DIRECT.GET.{self._stream}"
            message = await client.request(subject, json.dumps(request).encode(), timeout=RESPONSE_TIMEOUT_S)
        except nats.errors.NoRespondersError:
            return None  # the stream does not exist
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable() from error
        return None if _header(message, "Status") else message

    async def _batch(self, request: dict[str, object]) -> "list[Msg]":
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
                await client.publish(f"$JS.API.DIRECT.GET.{self._stream}", payload, reply=inbox)
                last = await asyncio.wait_for(end, RESPONSE_TIMEOUT_S)
            finally:
                await subscription.unsubscribe()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable() from error
        if _header(last, "Status") in ("204", "404"):
            return found
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
