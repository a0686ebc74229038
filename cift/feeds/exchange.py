"""Sends the drivers' commands to the engine: in bounded batches, in order, with a result for each command.

The engine client combines commands that are submitted together into one request, so a batch costs one
round trip. Nothing is queued: commands that could not be sent are dropped, because the market has moved
on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, overload

from cift.contracts.limits_gen import MAX_COMMANDS_PER_REQUEST
from cift.feeds.monotonic import Monotonic
from cift.kernel.errors import CiftError, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

RETRY_S = 0.5
"""How long a driver waits after the engine could not be reached."""
SESSION_TRIES_MAX = 40
SESSION_LEAP_S = 60


class Exchange(Protocol):
    """The part of `cift.platform.engine.Engine` that the drivers use."""

    async def submit(self, command: messages.Command) -> object: ...

    @overload
    async def query(self, query: messages.AccountQuery) -> messages.AccountAnswer: ...
    @overload
    async def query(self, query: messages.QuoteQuery) -> messages.QuoteAnswer: ...
    @overload
    async def query(self, query: messages.InstrumentsQuery) -> messages.InstrumentsAnswer: ...


@dataclass(frozen=True)
class SendResult:
    """The result of a batch."""

    accepted: int
    refusals: dict[str, int]
    """How many commands were refused, by code."""
    reached: bool
    """Whether the engine responded to every command that was sent."""


async def send(engine: Exchange, commands: Iterable[messages.Command]) -> SendResult:
    """Send one batch after the other; stop after a batch that the engine did not respond to.

    Refusals are counted, not raised. Any other exception (a bug, a cancelled task) is raised.
    """
    pending: Sequence[messages.Command] = list(commands)
    accepted, refusals = 0, dict[str, int]()
    for start in range(0, len(pending), MAX_COMMANDS_PER_REQUEST):
        results = await asyncio.gather(
            *(engine.submit(command) for command in pending[start : start + MAX_COMMANDS_PER_REQUEST]),
            return_exceptions=True,
        )
        reached = True
        for result in results:
            match result:
                case Unavailable() | OutcomeUnknown():
                    reached = False
                case CiftError():
                    refusals[result.code] = refusals.get(result.code, 0) + 1
                case BaseException():
                    raise result
                case _:
                    accepted += 1
        if not reached:
            return SendResult(accepted, refusals, reached=False)
    return SendResult(accepted, refusals, reached=True)


async def open_session(engine: Exchange, numbers: Monotonic, closes_at: Callable[[], int | None]) -> None:
    """Send SetSession until one is accepted, with a session number above the engine's. `closes_at()` is
    called at each attempt: ns since the Unix epoch, or None for a session without an end.

    Raises:
        ConnectionError: the engine could not be reached.
        RuntimeError: no number was accepted.
    """
    for _ in range(SESSION_TRIES_MAX):
        session: messages.SetSession = {
            "type": "set_session",
            "session": numbers.next(),
            "closes_at": closes_at(),
        }
        sent = await send(engine, [session])
        if not sent.reached:
            raise ConnectionError("engine not reached")
        if sent.accepted:
            return
        numbers.leap(SESSION_LEAP_S)
    raise RuntimeError(f"the engine accepted none of {SESSION_TRIES_MAX} session numbers: {sent.refusals}")
