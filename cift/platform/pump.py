"""The loop that brings a stream to an event function: the in-process twin of relay.

One durable pull consumer a function. The loop keeps one pull request open, takes what has arrived (at
most `batch`), calls the function, and acknowledges the last (AckAll) when it returned. It never skips: a
function that fails gets the same batch again, for ever, with back-off. `Expected(n)` makes it go back (or
forward) to record n. Order within a stream is strict; a gap is fetched again, a repeat dropped.

`Poison` is found by halving (`portion.py`). A handler of effects is rid of the one message once the stream
DLQ has it, and is brought it again when somebody asks (`dead_letters.py`); a projector stops there, says so,
and tries again slowly.
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
BACKOFF_MAX_S = 1.0  # a read that waits behind it is told 503 meanwhile
REST_MAX_S = 0.004
POISON_RETRY_S = 30.0
REPLAYS_WAITING_MAX = 16

Handler = Callable[[Batch], Awaitable[None]]


class Event(Enum):
    """What arrives beside messages."""

    ASKED = "somebody wants a dead letter brought again"


class Pump:
    """Brings one stream to one event function until cancelled."""

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
        self._last = 0  # sequence last received; 0 = not known yet
        self._delivery = 0  # number of the delivery last received
        self._stream_id = ""
        self._stopped = False
        self._replays: list[Msg] = []
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
            except (Unavailable, BusError, nats.errors.Error, OSError, TimeoutError) as error:
                log.debug("%s waits for the bus: %r", self._function, error)
            start_at = None
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, 1.0)

    async def _pump(self, start_at: int | None) -> None:
        js = await self._nats.jetstream()
        await self._open_consumer(js, start_at)
        self._portion.begin_anew()
        journal_id = await self._nats.journal_id() if self._journal else ""
        client = await self._nats.connected()
        arrived: asyncio.Queue[Msg | Event | None] = asyncio.Queue()
        inbox = client.new_inbox()

        async def arrive(message: Msg) -> None:
            arrived.put_nowait(message)

        def lost() -> None:
            arrived.put_nowait(None)

        async def asked(message: Msg) -> None:
            if len(self._replays) < REPLAYS_WAITING_MAX:
                self._replays.append(message)
                arrived.put_nowait(Event.ASKED)

        subscriptions = [await client.subscribe(inbox, cb=arrive)]
        if self._effects:
            subject = dead_letter.replay_subject(self._shard, self._function)
            subscriptions.append(await client.subscribe(subject, cb=asked))
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
                message: Msg | Event | None = first
                while True:
                    if message is None:
                        return  # reconnected: consumer and journal may be others now
                    if isinstance(message, Event):  # dealt with below, between two batches
                        if arrived.empty():
                            break
                        message = arrived.get_nowait()
                        continue
                    status = message.headers.get("Status") if message.headers else None
                    if status is not None and not message.data:
                        said = (message.headers or {}).get("Description", "")
                        # A pull that brought all it was asked for is counted here: the next may be open.
                        if status == "100" or said == "Batch Completed":
                            pass
                        elif status in ("404", "408") or "max" in said.lower():
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
        """Have the durable consumer, set back to what was acknowledged or to `start_at`: what a dead process
        had been given and never acknowledged would otherwise come after ACK_WAIT_S, behind newer messages."""
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
            # Where it begins is its own: it cannot be changed, and says nothing of where it stands.
            config.deliver_policy, config.opt_start_seq = found.deliver_policy, found.opt_start_seq
            fields = ("description", "ack_wait", "max_ack_pending", "filter_subject")
            if any((getattr(found, name) or None) != (getattr(config, name) or None) for name in fields):
                await js.add_consumer(self._stream, config)
        begins_at = await self._reset(start_at or 0)
        if begins_at is None:  # it was made to begin later: it is made anew
            await js.delete_consumer(self._stream, self._durable)
            config.deliver_policy, config.opt_start_seq = DeliverPolicy.ALL, None
            await js.add_consumer(self._stream, config)
            begins_at = await self._reset(start_at or 0)
        if begins_at is None:
            raise Unavailable("engine_unavailable", f"the consumer {self._durable} cannot be set back")
        self._last, self._delivery = begins_at - 1, 0

    async def _reset(self, sequence: int) -> int | None:
        """Set the consumer to that sequence (0: behind what was acknowledged), in one atomic step of the
        server; where it begins, or None where it refuses."""
        subject = f"$JS.API.CONSUMER.RESET.{self._stream}.{self._durable}"
        reply = await self._nats.request(subject, orjson.dumps({"seq": sequence}), timeout_s=2.0)
        said = orjson.loads(reply.data)
        return None if "error" in said else int(said["reset_seq"])

    async def _deal_with(self, messages: list[Msg], journal_id: str) -> None:
        fresh: list[tuple[Any, Msg]] = []
        for message in messages:
            at = message.metadata.sequence
            if at.consumer != self._delivery + 1:
                raise Unavailable("engine_unavailable", "a message was lost on its way here")
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
            given = fresh[:count]
            if not await self._bring([item for item, _ in given], journal_id):
                continue  # a poison is among them: fewer, now
            fresh = fresh[count:]
            self._portion.passed(count)
            self._at.set(given[-1][0].sequence)
            self._lag.set(given[-1][1].metadata.num_pending)
            await given[-1][1].ack()
        # Rest as long as the work took: under load the next batch is larger and its transaction shared
        # by more records; alone, a record waits for nothing.
        await asyncio.sleep(min(time.perf_counter() - started, REST_MAX_S))

    def _item(self, sequence: int, message: Msg) -> Any:
        if self._journal:
            return journal.shared.record(sequence, message.data)
        headers = dict(message.headers or {})
        return Message(sequence, message.subject, message.data, headers, _taken_at_ns(message))

    async def _bring(self, items: list[Any], journal_id: str) -> bool:
        """Call the function until it has dealt with these; False: a poison is among them."""
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
                if self._effects and await self._put_aside(items[0], str(poison)):
                    return True
                wait = BACKOFF_MAX_S if self._effects else POISON_RETRY_S
                self._failures.inc()
                if not self._stopped:
                    log.error("%s stands at message %d: %s", self._function, items[0].sequence, poison)
                    self._stopped = True
                await asyncio.sleep(wait)
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
        self._stopped = False
        self._seconds.observe(took)
        if self._journal:
            journal.log_traces(items, took)
        return True

    async def _put_aside(self, message: Message, reason: str) -> bool:
        letter = dead_letter.make(self._function, self._shard, self._stream, self._stream_id, message, reason)
        try:
            await dead_letters.put_aside(await self._nats.jetstream(), letter)
        except (Unavailable, nats.errors.Error, TimeoutError) as error:
            log.error("%s: a poison cannot be put aside: %r", self._function, error)
            return False
        telemetry.dead_letters.labels(self._function).inc()
        log.error("%s: message %d is put aside into DLQ: %s", self._function, message.sequence, reason)
        return True

    async def _replay(self, request: Msg) -> None:
        """Bring a dead letter once more; gone from DLQ only when it was taken."""
        outcome, told = "done", ""
        try:
            asked = orjson.loads(request.data)
            kept = await dead_letters.find(self._nats, int(asked["sequence"]))
            if kept.letter.function != self._function:
                outcome = "gone"
            else:
                await self._handler(kept.letter.batch())
                await dead_letters.remove(self._nats, kept.id)
        except NotFound:
            outcome = "gone"
        except Poison as poison:
            outcome, told = "poison", str(poison)
        except Exception as error:
            log.exception("%s failed on a dead letter", self._function)
            outcome, told = "failed", repr(error)
        log.info("a dead letter was brought again", extra={"outcome": outcome})
        try:
            await request.respond(orjson.dumps({"outcome": outcome, "message": told}))
        except nats.errors.Error:
            pass  # whoever asked looks whether the letter is still there


def _taken_at_ns(message: Msg) -> int:
    """When the stream took it: `$JS.ACK.[domain.account.]stream.consumer.delivered.seq.seq.TIME.pending`."""
    tokens = message.reply.split(".")
    return int(tokens[7 if len(tokens) == 9 else 9])
