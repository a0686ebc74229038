"""The client of the matching engine, over NATS: commands, and queries to its acknowledged state.

Commands that are submitted at the same time share a request: at most two NATS requests are in flight, and
commands that arrive meanwhile form the next one. A single caller never waits for others. The cost of a
request is most of what a command costs this process, so callers share it.

A lost leader never answers. The next leader announces itself. Requests that were sent before the announcement
and have no answer shortly after it end as unknown, so that they do not block the commands behind them.

Outcomes of a command: its result; a definite rejection (`Refused`, or `Unavailable` where it was never
sequenced); or `OutcomeUnknown`, where no answer came. There is no fourth.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import orjson
from cift_core import wire

from cift.contracts.limits_gen import MAX_COMMANDS_PER_REQUEST, MAX_REQUEST_BYTES
from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import CiftError, OutcomeUnknown, Refused, Unavailable
from cift.platform import telemetry
from cift.platform.nats import BusError, Nats, NoResponders
from cift.platform.settings import Settings

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from cift.contracts import messages_gen as messages

log = logging.getLogger("cift.engine")

MAX_COMMANDS_WAITING = 10_000
MAX_REQUESTS_IN_FLIGHT = 2
EXPIRES_AFTER_NS = 3_000_000_000
COMMAND_TIMEOUT_S = 5.0
NEW_LEADER_GRACE_S = 0.25
"""A new leader may get a request before this process gets its announcement: it has this long to answer."""
QUERY_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """What the engine did; every number in nanos, times in ns since the epoch."""

    record_sequence: int
    """Journal sequence of the record; 0 where a repeated request's first result does not have it."""
    command_sequence: int
    timestamp: int
    order: messages.OrderSummary | None
    """Of place, replace and cancel."""
    affected: int
    """Orders cancelled by cancel_all."""
    repeated: bool
    """The same request came before, and this is its first result."""


_Waiting: TypeAlias = "tuple[Mapping[str, object], asyncio.Future[messages.Result | None]]"
"""A command that is ready to be sent, and its reply; None: no reply came, and it may have been applied."""


def refusal(code: str, message: str | None = None, field: str | None = None) -> CiftError:
    """The error for a reason of the engine."""
    status, sentence = REFUSALS.get(code, (422, code.replace("_", " ").capitalize()))
    if status == 503:
        return Unavailable(code, message or sentence)
    return Refused(code, message or sentence, field, status=status, retry_after=1 if status == 429 else None)


def _unavailable() -> Unavailable:
    telemetry.engine_requests.labels("unavailable").inc()
    return Unavailable("engine_unavailable", "The matching engine does not answer; nothing was done")


class Engine:
    """The engine of this shard. One in a process; its connection opens on first use."""

    def __init__(self, settings: Settings, nats: Nats) -> None:
        self._nats = nats
        self._command_subject = f"engine.{settings.shard}.command"
        self._query_subject = f"engine.{settings.shard}.query"
        self._leading_subject = f"engine.{settings.shard}.leading"
        self._subscribed_on: Client | None = None
        self._sent: dict[asyncio.Task[Any], float] = {}
        """The tasks that wait for a reply, with the loop's time of the request."""
        self._given_up: set[asyncio.Task[Any]] = set()
        self._waiting: deque[_Waiting] = deque()
        self._in_flight = 0
        self._traced: dict[str, str] = {}
        """Span id → traceparent of the traced commands whose result is not here yet."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, command: messages.Command) -> Result:
        """Have a command sequenced, applied and made durable.

        Adds the trace ids of the current request, and `expires_at` (in three seconds).

        Raises:
            Refused: the engine rejected it; its reason is the code. `id` is the order's, where a
                refused order is kept.
            Unavailable: nothing happened; sending again is safe.
            OutcomeUnknown: with the id of the order or transfer to look up.
        """
        if telemetry.tracer is None:
            return await self._submit(command)
        order = command.get("order")
        attributes = {"cift__order_id": str(order)} if order else {}
        with telemetry.span(f"submit {command['type']}", "client", **attributes) as traced:
            if traced is None:
                return await self._submit(command)
            self._traced[traced.span_id] = traced.traceparent
            try:
                return await self._submit(command)
            finally:
                del self._traced[traced.span_id]

    async def _submit(self, command: messages.Command) -> Result:
        stamped: dict[str, object] = {**command, "expires_at": time.time_ns() + EXPIRES_AFTER_NS}
        trace = telemetry.current.get()
        if trace is not None:
            stamped["trace_id"] = trace.trace_id
            stamped["span_id"] = trace.span_id
        if len(self._waiting) >= MAX_COMMANDS_WAITING:
            raise Unavailable(
                "engine_unavailable", f"More than {MAX_COMMANDS_WAITING} commands wait in this process"
            )
        done: asyncio.Future[messages.Result | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((stamped, done))
        if self._in_flight < MAX_REQUESTS_IN_FLIGHT:
            self._start_request()
        reply = await done
        if reply is None:
            raise OutcomeUnknown(_id_of(command))
        return _result(reply, command)

    def _start_request(self) -> None:
        self._in_flight += 1
        task = asyncio.get_running_loop().create_task(self._run_requests())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_requests(self) -> None:
        """Send what waits until nothing does. Runs outside the context of any request."""
        try:
            while self._waiting:
                count = min(len(self._waiting), MAX_COMMANDS_PER_REQUEST)
                batch = [self._waiting.popleft() for _ in range(count)]
                await self._send(batch)
        finally:
            self._in_flight -= 1

    async def _send(self, batch: list[_Waiting]) -> None:
        # Every path below settles every future of the batch: no caller waits for ever.
        try:
            payload = wire.encode_commands([command for command, _ in batch])
        except (ValueError, TypeError, OverflowError) as error:
            if len(batch) > 1:
                for one in batch:  # find the command that cannot be encoded
                    await self._send([one])
                return
            _settle(batch, Refused("invalid_request", str(error)))
            return
        if len(payload) > MAX_REQUEST_BYTES:
            if len(batch) == 1:
                too_large = f"The command has {len(payload)} bytes; at most {MAX_REQUEST_BYTES} are allowed"
                _settle(batch, Refused("invalid_request", too_large))
                return
            middle = len(batch) // 2
            await self._send(batch[:middle])
            await self._send(batch[middle:])
            return
        telemetry.engine_commands_per_request.observe(len(batch))
        started = time.perf_counter()
        try:
            await self._subscribe()
            reply = await self._request(payload, self._traceparents(batch) if self._traced else None)
            results = wire.decode_results(reply.data)
            assert len(results) == len(batch), "one result a command"
        except NoResponders:
            _settle(batch, _unavailable())  # the NATS server reports that no engine took it
            return
        except Unavailable as error:
            telemetry.engine_requests.labels("unavailable").inc()
            _settle(batch, error)  # not connected: it was never sent
            return
        except BaseException as error:  # no reply, or an unreadable one: it may have been applied
            telemetry.engine_requests.labels("unknown").inc()
            if not isinstance(error, (BusError, OSError, asyncio.CancelledError)):
                log.exception("no readable reply from the engine")
            for _, done in batch:
                if not done.done():
                    done.set_result(None)
            if isinstance(error, asyncio.CancelledError) and not self._was_given_up():
                raise
            return
        telemetry.engine_seconds.observe(time.perf_counter() - started)
        telemetry.engine_requests.labels("answered").inc()
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(result)

    def _traceparents(self, batch: list[_Waiting]) -> str | None:
        """The contexts of a request's traced commands, separated by commas."""
        spans = (command.get("span_id") for command, _ in batch)
        return ",".join(self._traced[span] for span in spans if span in self._traced) or None

    async def _request(self, payload: bytes, traceparents: str | None) -> Msg:
        task = asyncio.current_task()
        assert task is not None
        self._sent[task] = asyncio.get_running_loop().time()
        try:
            return await self._nats.request(
                self._command_subject, payload, COMMAND_TIMEOUT_S, traceparents=traceparents
            )
        finally:
            del self._sent[task]

    async def _subscribe(self) -> None:
        """Receive announcements of new leaders. The client renews the subscription when it reconnects."""
        client = await self._nats.connected()
        if client is not self._subscribed_on:
            self._subscribed_on = client
            await client.subscribe(self._leading_subject, cb=self._on_new_leader)

    async def _on_new_leader(self, message: Msg) -> None:
        loop = asyncio.get_running_loop()
        log.info("new leader", extra={"announced": message.data.decode(errors="replace")[:200]})
        loop.call_later(NEW_LEADER_GRACE_S, self._give_up, loop.time())

    def _give_up(self, announced_at: float) -> None:
        """Stop waiting for every reply that was requested before a new leader announced itself."""
        for task, sent_at in self._sent.items():
            if sent_at < announced_at:
                self._given_up.add(task)
                task.cancel()

    def _was_given_up(self) -> bool:
        """Whether `_give_up` cancelled this task; then it goes on with the commands that wait."""
        task = asyncio.current_task()
        if task is None or task not in self._given_up:
            return False
        self._given_up.discard(task)
        return task.uncancel() == 0

    @overload
    async def query(self, query: messages.AccountQuery) -> messages.AccountAnswer: ...
    @overload
    async def query(self, query: messages.AccountSequenceQuery) -> messages.AccountSequenceAnswer: ...
    @overload
    async def query(self, query: messages.OrderQuery) -> messages.OrderAnswer: ...
    @overload
    async def query(self, query: messages.QuoteQuery) -> messages.QuoteAnswer: ...
    @overload
    async def query(self, query: messages.BookQuery) -> messages.BookAnswer: ...
    @overload
    async def query(self, query: messages.InstrumentsQuery) -> messages.InstrumentsAnswer: ...
    @overload
    async def query(self, query: messages.FeedsQuery) -> messages.FeedsAnswer: ...
    @overload
    async def query(self, query: messages.CheckQuery) -> messages.CheckAnswer: ...
    @overload
    async def query(self, query: messages.MaxOrderSizeQuery) -> messages.MaxOrderSizeAnswer: ...
    @overload
    async def query(self, query: messages.StatusQuery) -> messages.StatusAnswer: ...
    async def query(self, query: messages.Query) -> messages.Answer:
        """The answer, from acknowledged state.

        Raises:
            Refused: the engine cannot answer; the status fits the reason.
            Unavailable: no answer came.
        """
        try:
            reply = await self._nats.request(self._query_subject, orjson.dumps(query), QUERY_TIMEOUT_S)
        except (BusError, OSError) as error:
            raise _unavailable() from error
        answer: Any = orjson.loads(reply.data)
        code = answer.get("error")
        if code is not None:
            refused = refusal(str(code), answer.get("message"))
            # A query for an order that is not open is no conflict: there is no such order here.
            if code == "order_not_open":
                refused.status = 404
            raise refused
        found: messages.Answer = answer
        return found

    async def account_sequence(self, account_id: str) -> int:
        """Journal sequence of the last durable record that changed this account; 0: none did.

        Raises:
            Unavailable: no answer came.
        """
        try:
            answer = await self.query({"account_sequence": account_id})
        except Refused as refused:
            if refused.code == "unknown_account":
                return 0
            raise
        return answer["sequence"]

    async def close(self) -> None:
        """Wait until the requests in flight have ended, within their own timeout."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=COMMAND_TIMEOUT_S)


def _settle(batch: list[_Waiting], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)


def _id_of(command: messages.Command) -> str | None:
    """The id to look up an outcome by."""
    found = command.get("order") or command.get("transfer") or command.get("account")
    return None if found is None else str(found)


def _result(reply: messages.Result, command: messages.Command) -> Result:
    match reply["status"]:
        case "done":
            return Result(
                reply["record_sequence"],
                reply["command_sequence"],
                reply["timestamp"],
                reply["order"],
                reply["affected"],
                False,
            )
        case "refused":
            raise _refused(reply["reason"], reply["order"])
        case "repeated":
            first = reply["first"]
            assert first is not None, "a repeated request has a first result"
            if first["refusal"] is not None:
                raise _refused(first["refusal"], first["order"])
            return Result(
                reply["record_sequence"],
                first["sequence"],
                first["at"],
                first["order"],
                first["affected"],
                True,
            )
        case "unavailable":
            reason = reply["reason"] or ""
            if reason in REFUSALS and REFUSALS[reason][0] == 503 and reason != "expired":
                raise refusal(reason)
            raise _unavailable()
        case _:
            raise OutcomeUnknown(_id_of(command))


def _refused(reason: str | None, order: messages.OrderSummary | None) -> CiftError:
    error = refusal(reason or "refused")
    if order is not None:
        error.id = order["order"]
    return error
