"""The matching engine, reached over NATS: commands, and questions to its acknowledged state.

Commands of requests that run at the same time go together: at most two NATS requests are in flight,
and what arrives meanwhile forms the next one. One caller alone waits for nobody; many share the cost
of a request, which is most of what a command costs this process.

A leader that was lost never answers. The next one announces itself, and what was asked before and is
still unanswered a moment later is given up as unknown, so that it does not hold up what waits behind it.

Outcomes: the result; a definite no (`Refused`, or `Unavailable` when it was never sequenced); or
`OutcomeUnknown` when no answer came and none can be concluded. There is no fourth.
"""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from cift_core import wire

from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import CiftError, OutcomeUnknown, Refused, Unavailable
from cift.platform import telemetry
from cift.platform.nats import BusError, Nats, NoResponders
from cift.platform.settings import Settings

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

log = logging.getLogger("cift.engine")

COMMANDS_PER_REQUEST_MAX = 100
REQUEST_BYTES_MAX = 256 * 1024
COMMANDS_WAITING_MAX = 10_000
REQUESTS_IN_FLIGHT_MAX = 2
EXPIRES_AFTER_NS = 3_000_000_000
COMMAND_TIMEOUT_S = 5.0
NEW_LEADER_GRACE_S = 0.25
"""A new leader may have been asked before its announcement arrived here: it has this long to answer."""
QUERY_TIMEOUT_S = 2.0

Command = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What the engine did; every number in nanos, times in ns since the epoch."""

    record_sequence: int
    """Journal sequence of the record; 0 where the first result of a repeated request does not say."""
    command_sequence: int
    timestamp: int
    order: dict[str, Any] | None
    """order, status, reason, quantity, filled, filled_notional: place, replace and cancel."""
    affected: int
    """Orders cancelled by cancel_all."""
    repeated: bool
    """The same request came before, and this is its first result."""


def refusal(code: str, message: str | None = None, field: str | None = None) -> CiftError:
    """The error that a reason of the engine is."""
    status, sentence = REFUSALS.get(code, (422, code.replace("_", " ").capitalize()))
    if status == 503:
        return Unavailable(code, message or sentence)
    return Refused(code, message or sentence, field, status=status, retry_after=1 if status == 429 else None)


def _unavailable() -> Unavailable:
    telemetry.engine_requests.labels("unavailable").inc()
    return Unavailable("engine_unavailable", "The matching engine does not answer; nothing was done")


class Engine:
    """The engine of this shard. One a process; its connection opens on first use."""

    def __init__(self, settings: Settings, nats: Nats) -> None:
        self._nats = nats
        self._command_subject = f"engine.{settings.shard}.command"
        self._query_subject = f"engine.{settings.shard}.query"
        self._leading_subject = f"engine.{settings.shard}.leading"
        self._listening_on: Client | None = None
        self._sent: dict[asyncio.Task[Any], float] = {}
        """Who waits for an answer, and since when (the loop's time)."""
        self._given_up: set[asyncio.Task[Any]] = set()
        self._waiting: deque[tuple[Command, asyncio.Future[dict[str, Any]]]] = deque()
        self._in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # ── commands ────────────────────────────────────────────────────────────────────────────────
    async def submit(self, command: Command) -> Result:
        """Have a command sequenced, applied and made durable; see `cift_core.wire` for its keys.

        Trace ids and `expires_at` (three seconds) are set here.

        Raises:
            Refused: the engine said no (its reason is the code).
            Unavailable: nothing happened; sending again is safe.
            OutcomeUnknown: with the id of the order or transfer to look up.
        """
        trace = telemetry.current.get()
        if trace is not None:
            command["trace_id"] = trace.trace_id
            command["span_id"] = trace.span_id
        command["expires_at"] = time.time_ns() + EXPIRES_AFTER_NS
        if len(self._waiting) >= COMMANDS_WAITING_MAX:
            raise Unavailable("engine_unavailable", "Too many commands wait in this process")
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, done))
        if self._in_flight < REQUESTS_IN_FLIGHT_MAX:
            self._start_request()
        return _result(command, await done)

    def _start_request(self) -> None:
        self._in_flight += 1
        task = asyncio.get_running_loop().create_task(self._run_requests())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_requests(self) -> None:
        """Send what waits until nothing does. Runs in a context of its own: of no request."""
        try:
            while self._waiting:
                count = min(len(self._waiting), COMMANDS_PER_REQUEST_MAX)
                batch = [self._waiting.popleft() for _ in range(count)]
                await self._send(batch)
        finally:
            self._in_flight -= 1

    async def _send(self, batch: list[tuple[Command, asyncio.Future[dict[str, Any]]]]) -> None:
        # Every path below settles every future of the batch: a caller never waits for nothing.
        try:
            payload = wire.encode_commands([command for command, _ in batch])
        except (ValueError, TypeError, OverflowError) as error:
            if len(batch) > 1:
                for one in batch:  # find the one that cannot be written
                    await self._send([one])
                return
            _settle(batch, Refused("invalid_request", str(error)))
            return
        if len(payload) > REQUEST_BYTES_MAX:
            if len(batch) == 1:
                _settle(batch, Refused("invalid_request", "The command is too large"))
                return
            middle = len(batch) // 2
            await self._send(batch[:middle])
            await self._send(batch[middle:])
            return
        telemetry.engine_commands_per_request.observe(len(batch))
        started = time.perf_counter()
        try:
            await self._listen()
            reply = await self._ask(payload)
            results = wire.decode_results(reply.data)
            assert len(results) == len(batch), "one result a command"
        except NoResponders:
            _settle(batch, _unavailable())  # the server says that nobody took it
            return
        except Unavailable as error:
            telemetry.engine_requests.labels("unavailable").inc()
            _settle(batch, error)  # not connected: it was never sent
            return
        except BaseException as error:  # no answer, or none that can be read: it may have happened
            telemetry.engine_requests.labels("unknown").inc()
            if not isinstance(error, (BusError, OSError, asyncio.CancelledError)):
                log.exception("no readable answer from the engine")
            for _, done in batch:
                if not done.done():
                    done.set_result({"status": "unknown"})
            if isinstance(error, asyncio.CancelledError) and not self._was_given_up():
                raise
            return
        telemetry.engine_seconds.observe(time.perf_counter() - started)
        telemetry.engine_requests.labels("answered").inc()
        for (_, done), answer in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(answer)

    async def _ask(self, payload: bytes) -> "Msg":
        task = asyncio.current_task()
        assert task is not None
        self._sent[task] = asyncio.get_running_loop().time()
        try:
            return await self._nats.request(self._command_subject, payload, COMMAND_TIMEOUT_S)
        finally:
            del self._sent[task]

    async def _listen(self) -> None:
        """Hear of new leaders; the client renews the subscription itself when it connects again."""
        client = await self._nats.connected()
        if client is not self._listening_on:
            self._listening_on = client
            await client.subscribe(self._leading_subject, cb=self._hear)

    async def _hear(self, message: "Msg") -> None:
        loop = asyncio.get_running_loop()
        log.info("a new leader", extra={"announced": message.data.decode(errors="replace")[:200]})
        loop.call_later(NEW_LEADER_GRACE_S, self._give_up, loop.time())

    def _give_up(self, announced_at: float) -> None:
        """End the waiting of all that was asked before a new leader announced itself."""
        for task, sent_at in self._sent.items():
            if sent_at < announced_at:
                self._given_up.add(task)
                task.cancel()

    def _was_given_up(self) -> bool:
        """Whether this cancellation was `_give_up`'s; then the task goes on with what waits."""
        task = asyncio.current_task()
        if task is None or task not in self._given_up:
            return False
        self._given_up.discard(task)
        return task.uncancel() == 0

    # ── questions ───────────────────────────────────────────────────────────────────────────────
    async def query(self, question: dict[str, Any]) -> dict[str, Any]:
        """An answer from acknowledged state (its kinds: `matchd/src/query.rs`).

        Raises:
            Refused: `{"error": …}` of the engine, with the status that fits the reason.
            Unavailable: no answer.
        """
        try:
            reply = await self._nats.request(self._query_subject, orjson.dumps(question), QUERY_TIMEOUT_S)
        except (BusError, OSError) as error:
            raise _unavailable() from error
        answer: dict[str, Any] = orjson.loads(reply.data)
        error_code = answer.get("error")
        if error_code is not None:
            raised = refusal(str(error_code), answer.get("message"), answer.get("field"))
            # A question about an order that the engine does not have open: nobody ended it under us.
            if error_code == "order_not_open":
                raised.status = 404
            raise raised
        return answer

    async def account_sequence(self, account_id: str) -> int:
        """Journal sequence of the last durable record that changed this account; 0 = none.

        Raises:
            Unavailable: the engine is silent.
        """
        try:
            answer = await self.query({"account_sequence": account_id})
        except Refused as refused:
            if refused.code == "unknown_account":
                return 0
            raise
        return int(answer["sequence"])

    async def close(self) -> None:
        """Let what is in flight end, within its own deadline."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=COMMAND_TIMEOUT_S)


def _settle(batch: list[tuple[Command, asyncio.Future[dict[str, Any]]]], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)


def _result(command: Command, answer: dict[str, Any]) -> Result:
    match answer["status"]:
        case "done":
            return Result(
                answer["record_sequence"],
                answer["command_sequence"],
                answer["timestamp"],
                answer["order"],
                answer["affected"],
                False,
            )
        case "refused":
            raise refusal(answer["reason"])
        case "repeated":
            first = answer["first"]
            reason = first.get("refusal") or first.get("reason")
            if reason:
                raise refusal(reason)
            return Result(
                answer["record_sequence"],
                first.get("command_sequence") or first.get("sequence") or 0,
                first.get("timestamp") or first.get("at") or 0,
                first["order"],
                first["affected"],
                True,
            )
        case "unavailable":
            reason = answer.get("reason") or ""
            if reason in REFUSALS and REFUSALS[reason][0] == 503 and reason != "expired":
                raise refusal(reason)
            raise _unavailable()
        case _:
            raise OutcomeUnknown(command.get("order") or command.get("transfer") or command.get("account"))
