"""The loop that brings a stream to an event door: the in-process twin of relay.

One durable pull consumer a door. The loop keeps one pull request open, takes what has arrived (at
most `batch`), calls the door, and acknowledges the last (AckAll) when it returned. It never skips: a
door that fails gets the same batch again, for ever, with back-off. `Expected(n)` makes it go back (or
forward) to record n. Order within a stream is strict; a gap is fetched again, a repeat dropped.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors
import nats.js.errors
import orjson
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from cift.kernel.errors import Expected, Unavailable
from cift.platform import journal, telemetry
from cift.platform.journal import Batch, Message
from cift.platform.nats import Nats

log = logging.getLogger("cift.journal")
ACK_WAIT_S = 60
PULL_EXPIRES_S = 5.0
PULL_SILENCE_S = PULL_EXPIRES_S + 2.0
BATCH_BYTES_MAX = 16 * 1024 * 1024
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 1.0  # a read that waits behind it is told 503 meanwhile
REST_MAX_S = 0.004

Handler = Callable[[Batch], Awaitable[None]]


class Pump:
    """Brings one stream to one event door until cancelled."""

    def __init__(
        self,
        nats: Nats,
        *,
        function: str,
        stream: str,
        shard: str,
        subject: str | None,
        batch: int,
        journal: bool,
        handler: Handler,
    ) -> None:
        self._nats = nats
        self._function = function
        self._durable = function.rsplit(".", 1)[-1]
        self._stream, self._shard, self._subject = stream, shard, subject
        self._batch, self._journal, self._handler = batch, journal, handler
        self._last = 0  # sequence that the door has dealt with; 0 = not known yet
        self._lag = telemetry.projector_lag.labels(function)
        self._at = telemetry.projector_sequence.labels(function)
        self._failures = telemetry.projector_failures.labels(function)
        self._seconds = telemetry.projector_seconds.labels(function)

    async def run(self) -> None:
        """For ever: connect, pump, and after any trouble of the bus begin again."""
        backoff = BACKOFF_FIRST_S
        start_at: int | None = None
        while True:
            try:
                await self._pump(start_at)
            except Expected as expected:
                log.warning("%s goes to record %d", self._function, expected.sequence)
                start_at, backoff = expected.sequence, BACKOFF_FIRST_S
                continue
            except (Unavailable, nats.errors.Error, OSError, TimeoutError) as error:
                log.debug("%s waits for the bus: %r", self._function, error)
            start_at = None
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, 1.0)

    async def _pump(self, start_at: int | None) -> None:
        js = await self._nats.jetstream()
        await self._make_consumer(js, start_at)
        journal_id = await self._nats.journal_id() if self._journal else ""
        client = await self._nats.connected()
        arrived: asyncio.Queue[Msg | None] = asyncio.Queue()
        inbox = client.new_inbox()

        async def arrive(message: Msg) -> None:
            arrived.put_nowait(message)

        def lost() -> None:
            arrived.put_nowait(None)

        subscription = await client.subscribe(inbox, cb=arrive)
        self._nats.on_reconnect.add(lost)
        ask = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
        want = self._batch * 2  # while one batch is dealt with, the next one travels
        request = orjson.dumps(
            {"batch": want, "max_bytes": BATCH_BYTES_MAX, "expires": int(PULL_EXPIRES_S * 1e9)}
        )
        wanted = 0
        try:
            while True:
                if wanted <= 0:
                    await client.publish(ask, request, reply=inbox)
                    wanted = want
                try:
                    first = await asyncio.wait_for(arrived.get(), PULL_SILENCE_S)
                except TimeoutError:
                    wanted = 0  # the request is lost (its end would have been told): ask again
                    if not client.is_connected:
                        raise Unavailable("engine_unavailable", "The message bus does not answer") from None
                    continue
                messages: list[Msg] = []
                message: Msg | None = first
                while True:
                    if message is None:
                        return  # reconnected: consumer and journal may be others now
                    status = message.headers.get("Status") if message.headers else None
                    if status is not None and not message.data:
                        if status == "100":
                            pass
                        elif (
                            status in ("404", "408")
                            or "max" in (message.headers or {}).get("Description", "").lower()
                        ):
                            wanted = 0
                        else:
                            raise Unavailable("engine_unavailable", f"the consumer ended: {message.headers}")
                    else:
                        wanted -= 1
                        messages.append(message)
                    if len(messages) >= self._batch or arrived.empty():
                        break
                    message = arrived.get_nowait()
                if messages:
                    await self._deal_with(messages, journal_id)
        finally:
            self._nats.on_reconnect.discard(lost)
            if client.is_connected:
                try:
                    await subscription.unsubscribe()
                except nats.errors.Error:
                    pass

    async def _make_consumer(self, js: Any, start_at: int | None) -> None:
        """Make the durable consumer afresh from where it stood: what a dead process had been given and
        never acknowledged would otherwise come only after ACK_WAIT_S."""
        if start_at is None:
            try:
                info = await js.consumer_info(self._stream, self._durable)
                start_at = (info.ack_floor.stream_seq if info.ack_floor else 0) + 1
            except nats.js.errors.NotFoundError:
                start_at = 1
        try:
            await js.delete_consumer(self._stream, self._durable)
        except nats.js.errors.NotFoundError:
            pass
        self._last = start_at - 1
        await js.add_consumer(
            self._stream,
            ConsumerConfig(
                durable_name=self._durable,
                description=self._function,
                ack_policy=AckPolicy.ALL,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(start_at, 1),
                filter_subject=self._subject,
                ack_wait=ACK_WAIT_S,
                max_ack_pending=self._batch * 4,
                max_deliver=-1,
            ),
        )

    async def _deal_with(self, messages: list[Msg], journal_id: str) -> None:
        items: list[Any] = []
        for message in messages:
            sequence = message.metadata.sequence.stream
            if sequence <= self._last:
                continue
            if self._journal:
                if sequence != self._last + 1:
                    raise Expected(self._last + 1)
                items.append(journal.shared.record(sequence, message.data))
            else:
                at = _taken_at_ns(message)
                items.append(
                    Message(sequence, message.subject, message.data, dict(message.headers or {}), at)
                )
            self._last = sequence
        if not items:
            await messages[-1].ack()
            return
        batch = Batch(self._stream, self._shard, journal_id, items)
        backoff = BACKOFF_FIRST_S
        while True:
            started = time.perf_counter()
            telemetry.begin(self._function)
            try:
                await self._handler(batch)
                break
            except Expected:
                raise
            except Exception:
                self._failures.inc()
                log.exception(
                    "%s failed on records %d to %d: again in %.1f s",
                    self._function,
                    items[0].sequence,
                    items[-1].sequence,
                    backoff,
                )
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, BACKOFF_MAX_S)
        took = time.perf_counter() - started
        self._seconds.observe(took)
        self._at.set(items[-1].sequence)
        self._lag.set(messages[-1].metadata.num_pending)
        if self._journal:
            journal.log_traces(items, took)
        await messages[-1].ack()
        # Rest as long as the work took: under load the next batch is larger and its transaction shared
        # by more records; alone, a record waits for nothing.
        await asyncio.sleep(min(took, REST_MAX_S))


def _taken_at_ns(message: Msg) -> int:
    """When the stream took it: `$JS.ACK.[domain.account.]stream.consumer.delivered.seq.seq.TIME.pending`."""
    tokens = message.reply.split(".")
    return int(tokens[7 if len(tokens) == 9 else 9])
