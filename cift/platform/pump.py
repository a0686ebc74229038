"""The loop that delivers a stream to an event function: the in-process equivalent of relay.

Each function has one durable pull consumer. The loop keeps one pull request open, takes the messages that
have arrived (at most `batch`), calls the function, and acknowledges the last one (AckAll) after it returns.
It never skips: a function that fails receives the same batch again without limit, with back-off.
`Expected(n)` moves the consumer to record n. The order within a stream is strict: a gap is fetched again, a
repeated message is dropped.

A `Poison` message is found by halving (`portion.py`). For a handler of effects the message moves to the
stream DLQ, from where it can be delivered again on request (`dead_letters.py`). A projector stops at it,
logs an error, and retries slowly.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

import nats.errors
import nats.js.errors
import orjson
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from cift.contracts.limits_gen import MAX_REPLAYS_WAITING
from cift.kernel.errors import Expected, NotFound, Poison, Unavailable
from cift.platform import dead_letter, dead_letters, journal, telemetry
from cift.platform.journal import Batch, Message
from cift.platform.nats import BusError, Nats
from cift.platform.portion import Portion

log = logging.getLogger("cift.journal")
ACK_WAIT_S = 60
PULL_EXPIRES_S = 5.0
PULL_SILENCE_S = PULL_EXPIRES_S + 2.0
BATCH_BYTES_MAX = 16 * 1024 * 1024
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 1.0  # reads that wait for this projector fail with 503 meanwhile
PAUSE_MAX_S = 0.004
POISON_RETRY_S = 30.0

Handler = Callable[[Batch], Awaitable[None]]


class Event(Enum):
    """Items of the queue that are not messages."""

    REPLAY_REQUESTED = "deliver a dead letter again"


class Pump:
    """Delivers one stream to one event function until cancelled."""

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
        effects: bool = False,
    ) -> None:
        self._nats = nats
        self._function = function
        self._durable = function.rsplit(".", 1)[-1]
        self._stream, self._shard, self._subject = stream, shard, subject
        self._batch, self._journal, self._handler = batch, journal, handler
        self._effects = effects
        self._portion = Portion(batch)
        self._last = 0  # the last sequence received; 0: not known yet
        self._delivery = 0  # the number of the last delivery received
        self._stream_id = ""
        self._stopped = False
        self._replays: list[Msg] = []
        self._lag = telemetry.projector_lag.labels(function)
        self._at = telemetry.projector_sequence.labels(function)
        self._failures = telemetry.projector_failures.labels(function)
        self._seconds = telemetry.projector_seconds.labels(function)

    async def run(self) -> None:
        """Connect and deliver until cancelled; start again after any error of NATS."""
        backoff = BACKOFF_FIRST_S
        start_at: int | None = None
        while True:
            try:
                await self._pump(start_at)
            except Expected as expected:
                log.warning("%s: delivering from record %d on", self._function, expected.sequence)
                start_at, backoff = expected.sequence, BACKOFF_FIRST_S
                continue
            except (Unavailable, BusError, nats.errors.Error, OSError, TimeoutError) as error:
                log.debug("%s waits for NATS: %r", self._function, error)
            start_at = None
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, 1.0)

    async def _pump(self, start_at: int | None) -> None:
        js = await self._nats.jetstream()
        await self._open_consumer(js, start_at)
        self._portion.reset()
        journal_id = await self._nats.journal_id() if self._journal else ""
        client = await self._nats.connected()
        arrived: asyncio.Queue[Msg | Event | None] = asyncio.Queue()
        inbox = client.new_inbox()

        async def arrive(message: Msg) -> None:
            arrived.put_nowait(message)

        def lost() -> None:
            arrived.put_nowait(None)

        async def request_replay(message: Msg) -> None:
            if len(self._replays) < MAX_REPLAYS_WAITING:
                self._replays.append(message)
                arrived.put_nowait(Event.REPLAY_REQUESTED)

        subscriptions = [await client.subscribe(inbox, cb=arrive)]
        if self._effects:
            subject = dead_letter.replay_subject(self._shard, self._function)
            subscriptions.append(await client.subscribe(subject, cb=request_replay))
        self._nats.on_reconnect.add(lost)
        pull_subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
        pull_size = self._batch * 2  # while one batch is processed, the next one is on its way
        pull = orjson.dumps(
            {"batch": pull_size, "max_bytes": BATCH_BYTES_MAX, "expires": int(PULL_EXPIRES_S * 1e9)}
        )
        outstanding = 0
        try:
            while True:
                if outstanding <= 0:
                    await client.publish(pull_subject, pull, reply=inbox)
                    outstanding = pull_size
                try:
                    first = await asyncio.wait_for(arrived.get(), PULL_SILENCE_S)
                except TimeoutError:
                    outstanding = 0  # the pull request is lost, or its end would have arrived: pull again
                    if not client.is_connected:
                        raise Unavailable("engine_unavailable", "NATS does not respond") from None
                    continue
                messages: list[Msg] = []
                message: Msg | Event | None = first
                while True:
                    if message is None:
                        return  # reconnected: consumer and journal may have changed
                    if isinstance(message, Event):  # handled below, between two batches
                        if arrived.empty():
                            break
                        message = arrived.get_nowait()
                        continue
                    status = message.headers.get("Status") if message.headers else None
                    if status is not None and not message.data:
                        description = (message.headers or {}).get("Description", "")
                        # A completed pull is already counted, and the next pull may be open.
                        if status == "100" or description == "Batch Completed":
                            pass
                        elif status in ("404", "408") or "max" in description.lower():
                            outstanding = 0
                        else:
                            raise Unavailable("engine_unavailable", f"the consumer ended: {message.headers}")
                    else:
                        outstanding -= 1
                        messages.append(message)
                    if len(messages) >= self._batch or arrived.empty():
                        break
                    message = arrived.get_nowait()
                if messages:
                    await self._process(messages, journal_id)
                while self._replays:
                    await self._replay(self._replays.pop(0))
        finally:
            self._nats.on_reconnect.discard(lost)
            self._replays.clear()
            for subscription in subscriptions:
                if client.is_connected:
                    try:
                        await subscription.unsubscribe()
                    except nats.errors.Error:
                        pass

    async def _open_consumer(self, js: Any, start_at: int | None) -> None:
        """Create or update the durable consumer and reset it to `start_at`, or to the last acknowledgement.
        Without the reset, messages that an ended process did not acknowledge would arrive after ACK_WAIT_S,
        behind newer ones."""
        reply = await self._nats.request(f"$JS.API.STREAM.INFO.{self._stream}", b"", timeout_s=2.0)
        self._stream_id = str(orjson.loads(reply.data).get("created", ""))
        config = ConsumerConfig(
            durable_name=self._durable,
            description=self._function,
            ack_policy=AckPolicy.ALL,
            deliver_policy=DeliverPolicy.ALL,
            filter_subject=self._subject,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=self._batch * 4,
            max_deliver=-1,
        )
        try:
            found = (await js.consumer_info(self._stream, self._durable)).config
        except nats.js.errors.NotFoundError:
            await js.add_consumer(self._stream, config)
        else:
            # The start of an existing consumer cannot be changed, and does not matter for its position.
            config.deliver_policy, config.opt_start_seq = found.deliver_policy, found.opt_start_seq
            fields = ("description", "ack_wait", "max_ack_pending", "filter_subject")
            if any((getattr(found, name) or None) != (getattr(config, name) or None) for name in fields):
                await js.add_consumer(self._stream, config)
        begins_at = await self._reset(start_at or 0)
        if begins_at is None:  # the consumer starts later than `start_at`: create it again
            await js.delete_consumer(self._stream, self._durable)
            config.deliver_policy, config.opt_start_seq = DeliverPolicy.ALL, None
            await js.add_consumer(self._stream, config)
            begins_at = await self._reset(start_at or 0)
        if begins_at is None:
            raise Unavailable("engine_unavailable", f"the consumer {self._durable} cannot be reset")
        self._last, self._delivery = begins_at - 1, 0

    async def _reset(self, sequence: int) -> int | None:
        """Reset the consumer to a sequence (0: behind the last acknowledgement), atomically in the server.
        Returns the next sequence, or None if the server refuses."""
        subject = f"$JS.API.CONSUMER.RESET.{self._stream}.{self._durable}"
        reply = await self._nats.request(subject, orjson.dumps({"seq": sequence}), timeout_s=2.0)
        result = orjson.loads(reply.data)
        return None if "error" in result else int(result["reset_seq"])

    async def _process(self, messages: list[Msg], journal_id: str) -> None:
        fresh: list[tuple[Any, Msg]] = []
        for message in messages:
            at = message.metadata.sequence
            if at.consumer != self._delivery + 1:
                raise Unavailable("engine_unavailable", "a message was lost between NATS and this process")
            self._delivery = at.consumer
            if at.stream <= self._last:
                continue
            if self._journal and at.stream != self._last + 1:
                raise Expected(self._last + 1)
            self._last = at.stream
            fresh.append((self._item(at.stream, message), message))
        if not fresh:
            await messages[-1].ack()
            return
        started = time.perf_counter()
        while fresh:
            count = self._portion.of(len(fresh))
            part = fresh[:count]
            if not await self._call_handler([item for item, _ in part], journal_id):
                continue  # one of them is poison: try fewer
            fresh = fresh[count:]
            self._portion.passed(count)
            self._at.set(part[-1][0].sequence)
            self._lag.set(part[-1][1].metadata.num_pending)
            await part[-1][1].ack()
        # Pause as long as the work took: under load the next batch and its transaction become larger. A
        # single record is not delayed, because the pause follows its work.
        await asyncio.sleep(min(time.perf_counter() - started, PAUSE_MAX_S))

    def _item(self, sequence: int, message: Msg) -> Any:
        if self._journal:
            return journal.shared.record(sequence, message.data)
        headers = dict(message.headers or {})
        return Message(sequence, message.subject, message.data, headers, _stored_at_ns(message))

    async def _call_handler(self, items: list[Any], journal_id: str) -> bool:
        """Call the function until it accepts these items; False: one of them is poison."""
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
            except Poison as poison:
                if not self._portion.poisoned(len(items)):
                    return False
                if self._effects and await self._store_dead_letter(items[0], str(poison)):
                    return True
                wait = BACKOFF_MAX_S if self._effects else POISON_RETRY_S
                self._failures.inc()
                if not self._stopped:
                    log.error("%s stopped at message %d: %s", self._function, items[0].sequence, poison)
                    self._stopped = True
                await asyncio.sleep(wait)
            except Exception:
                self._failures.inc()
                log.exception(
                    "%s failed on records %d to %d: retrying in %.1f s",
                    self._function,
                    items[0].sequence,
                    items[-1].sequence,
                    backoff,
                )
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, BACKOFF_MAX_S)
        took = time.perf_counter() - started
        self._stopped = False
        self._seconds.observe(took)
        if self._journal:
            journal.log_traces(items, took)
        return True

    async def _store_dead_letter(self, message: Message, reason: str) -> bool:
        letter = dead_letter.make(self._function, self._shard, self._stream, self._stream_id, message, reason)
        try:
            await dead_letters.store(await self._nats.jetstream(), letter)
        except (Unavailable, nats.errors.Error, TimeoutError) as error:
            log.error("%s: a poison message cannot be stored in DLQ: %r", self._function, error)
            return False
        telemetry.dead_letters.labels(self._function).inc()
        log.error("%s: message %d moved to DLQ: %s", self._function, message.sequence, reason)
        return True

    async def _replay(self, request: Msg) -> None:
        """Deliver a dead letter again; DLQ removes it only after the handler accepted it."""
        outcome, reason = "done", ""
        try:
            sequence = int(orjson.loads(request.data)["sequence"])
            stored = await dead_letters.find(self._nats, sequence)
            if stored.letter.function != self._function:
                outcome = "gone"
            else:
                await self._handler(stored.letter.batch())
                await dead_letters.remove(self._nats, stored.id)
        except NotFound:
            outcome = "gone"
        except Poison as poison:
            outcome, reason = "poison", str(poison)
        except Exception as error:
            log.exception("%s failed on a dead letter", self._function)
            outcome, reason = "failed", repr(error)
        log.info("a dead letter was delivered again", extra={"outcome": outcome})
        try:
            await request.respond(orjson.dumps({"outcome": outcome, "message": reason}))
        except nats.errors.Error:
            pass  # the requester checks whether the letter still exists


def _stored_at_ns(message: Msg) -> int:
    """When the stream stored it:
    `$JS.ACK.[domain.account.]stream.consumer.delivered.seq.seq.TIME.pending`."""
    tokens = message.reply.split(".")
    return int(tokens[7 if len(tokens) == 9 else 9])
