"""Records of the journal and messages of other streams, as event doors receive them, and the loop
that brings them: the in-process twin of relay.

One durable pull consumer a door. The loop keeps one pull request open, takes what has arrived (at
most `batch`), calls the door, and acknowledges the last (AckAll) when it returned. It never skips: a
door that fails gets the same batch again, for ever, with back-off. `Expected(n)` makes it go back (or
forward) to record n. Order within a stream is strict; a gap is fetched again, a repeat dropped.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import nats.js.errors
import orjson
from cift_core import wire
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from cift.kernel.errors import Expected, Unavailable
from cift.platform import telemetry
from cift.platform.nats import Nats, NatsError

log = logging.getLogger("cift.journal")
ACK_WAIT_S = 60
PULL_EXPIRES_S = 5.0
PULL_SILENCE_S = PULL_EXPIRES_S + 2.0
BATCH_BYTES_MAX = 16 * 1024 * 1024
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 1.0  # a read that waits behind it is told 503 meanwhile
REST_MAX_S = 0.004
TRACES_LOGGED_MAX = 8
SHARED_BYTES_MAX = 2 * 1024 * 1024
_NO_TRACE = "0" * 32


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a stream."""

    sequence: int
    """Of the stream, from 1."""
    subject: str
    data: bytes
    headers: dict[str, str]


class JournalRecord:
    """One record of the journal: commands and the events that they caused, decoded on first use."""

    def __init__(self, sequence: int, data: bytes) -> None:
        self.sequence = sequence
        """Stream sequence, from 1, without gaps."""
        self.data = data

    @cached_property
    def record(self) -> dict[str, Any]:
        """format, rules, epoch, timestamp (ns), first_command, entries: see `cift_core.wire`."""
        decoded: dict[str, Any] = wire.decode_record(self.data)
        return decoded

    @property
    def timestamp(self) -> int:
        """ns since the epoch; one for all commands of the record."""
        return int(self.record["timestamp"])

    @property
    def entries(self) -> list[dict[str, Any]]:
        """command, outcome and events of each command, in order."""
        entries: list[dict[str, Any]] = self.record["entries"]
        return entries


class SharedRecords:
    """The journal's last records, so that several doors of one process decode each only once.

    Decoding is most of what a projector costs in Python. Doors read a record, and never change it.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[int, JournalRecord] = OrderedDict()
        self._bytes = 0

    def record(self, sequence: int, data: bytes) -> JournalRecord:
        """The record of this sequence and these bytes: a new or restored journal has other bytes."""
        known = self._records.get(sequence)
        if known is not None and known.data == data:
            return known
        if known is not None:
            self._bytes -= len(known.data)
            del self._records[sequence]
        made = self._records[sequence] = JournalRecord(sequence, data)
        self._bytes += len(data)
        while self._bytes > SHARED_BYTES_MAX and len(self._records) > 1:
            _, oldest = self._records.popitem(last=False)
            self._bytes -= len(oldest.data)
        return made


_shared = SharedRecords()


@dataclass(frozen=True, slots=True)
class Batch(Sequence[Any]):
    """What an event door is called with: records (of the journal) or messages, oldest first."""

    stream: str
    shard: str
    journal_id: str
    """Tells a new or restored journal from the old one; empty for other streams."""
    items: list[Any]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


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
            except (Unavailable, NatsError, OSError, TimeoutError) as error:
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
                except NatsError:
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
                items.append(_shared.record(sequence, message.data))
            else:
                items.append(Message(sequence, message.subject, message.data, dict(message.headers or {})))
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
        self._log(items, took)
        await messages[-1].ack()
        # Rest as long as the work took: under load the next batch is larger and its transaction shared
        # by more records; alone, a record waits for nothing.
        await asyncio.sleep(min(took, REST_MAX_S))

    def _log(self, items: list[Any], took_s: float) -> None:
        if not self._journal or not log.isEnabledFor(logging.INFO):
            return
        traces: dict[str, None] = {}
        for item in items:
            if "record" not in item.__dict__:
                continue  # the door did not need to decode it
            for entry in item.entries:
                trace_id = entry["command"].get("trace_id")
                if trace_id and trace_id != _NO_TRACE:
                    traces[trace_id] = None
                    if len(traces) >= TRACES_LOGGED_MAX:
                        break
        if traces:
            log.info(
                "records dealt with",
                extra={
                    "first": items[0].sequence,
                    "last": items[-1].sequence,
                    "trace_ids": list(traces),
                    "took_ms": round(took_s * 1000, 3),
                },
            )
