"""What the drivers need of the engine, and how they send: in bounded batches, in order, with an
answer for each command.

The engine client coalesces commands submitted together into one request, so a batch costs one round
trip. Nothing is kept for later: what could not be sent is forgotten, because the market has moved on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cift.feeds.monotonic import Monotonic
from cift.kernel.errors import CiftError, OutcomeUnknown, Unavailable

BATCH_COMMANDS_MAX = 100
RETRY_S = 0.5
"""How long a driver waits after the engine could not be reached."""
SESSION_TRIES_MAX = 40
SESSION_LEAP_S = 60

Command = Mapping[str, Any]


class Exchange(Protocol):
    """The part of `cift.platform.engine.Engine` used here."""

    async def submit(self, command: dict[str, Any]) -> Any: ...

    async def query(self, query: dict[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Sent:
    """What became of a batch: reasons of refusal by code (how often), and whether the engine was there."""

    done: int
    refusals: dict[str, int]
    reached: bool


async def send(engine: Exchange, commands: Iterable[Command]) -> Sent:
    """Send one batch after the other; stop at the first that the engine did not answer for.

    Refusals are counted, not raised. Any other failure (a bug, a cancelled task) is.
    """
    waiting = [dict(command) for command in commands]
    done, refusals = 0, dict[str, int]()
    for start in range(0, len(waiting), BATCH_COMMANDS_MAX):
        answers = await asyncio.gather(
            *(engine.submit(command) for command in waiting[start : start + BATCH_COMMANDS_MAX]),
            return_exceptions=True,
        )
        silent = False
        for answer in answers:
            match answer:
                case Unavailable() | OutcomeUnknown():
                    silent = True
                case CiftError():
                    refusals[answer.code] = refusals.get(answer.code, 0) + 1
                case BaseException():
                    raise answer
                case _:
                    done += 1
        if silent:
            return Sent(done, refusals, reached=False)
    return Sent(done, refusals, reached=True)


async def open_session(engine: Exchange, numbers: Monotonic, closes_at: Callable[[], int | None]) -> None:
    """SetSession until it is taken: a session number above the engine's, closing at `closes_at()` (ns,
    asked at each try; None = open without an end).

    Raises:
        ConnectionError: the engine was not reached.
        RuntimeError: no number was accepted.
    """
    for _ in range(SESSION_TRIES_MAX):
        session = {"type": "set_session", "session": numbers.next(), "closes_at": closes_at()}
        sent = await send(engine, [session])
        if not sent.reached:
            raise ConnectionError("engine not reached")
        if sent.done:
            return
        numbers.leap(SESSION_LEAP_S)
    raise RuntimeError(f"no session number is accepted: {sent.refusals}")
