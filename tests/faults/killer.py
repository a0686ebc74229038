"""The killer: SIGKILL to the servers of an exchange under load, at seeded moments, recovery included."""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import time
from dataclasses import dataclass

import httpx

from tests.faults.traders import Load
from tests.stack import Stack

HEAL_TIMEOUT_S = 60.0
BEFORE_S = (0.2, 1.5)
"""Load between healing and the next kill."""
AGAIN_AFTER_S = (0.0, 0.8)
"""A server that is killed again is so this long after its new start: while it recovers."""
AGAIN_CHANCE = 0.35
FROZEN_S = (0.02, 0.3)
"""Most kills hit a server that was stopped (SIGSTOP) for so long: what it had been given and not answered is
then really in doubt."""
RESUMED_S = (0.0, 0.004)
"""Or one to which nats-server, stopped and let go, has just brought all that piled up: so long ago."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One round of killing."""

    names: tuple[str, ...]
    times: int
    at: float
    healed_s: float
    """From the first signal until /ready said 200 and an order was acknowledged again."""


async def _restarted(stack: Stack, name: str, old: int) -> int:
    deadline = time.monotonic() + HEAL_TIMEOUT_S
    while time.monotonic() < deadline:
        pid = stack.run_file["children"][name]
        if pid and pid != old:
            return int(pid)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{name} was not started again within {HEAL_TIMEOUT_S:g} s:\n{stack.said}")


async def _strike(stack: Stack, name: str, pid: int, rng: random.Random) -> None:
    """One SIGKILL: out of full run, out of a freeze, or into the rush after a freeze of the bus."""
    way = rng.choice(("running", "frozen", "rushed" if name in ("matchd", "nats-server") else "frozen"))
    frozen = stack.pid("nats-server") if way == "rushed" else pid
    if way != "running":
        with contextlib.suppress(ProcessLookupError):  # the bus itself is being killed
            os.kill(frozen, signal.SIGSTOP)
            await asyncio.sleep(rng.uniform(*FROZEN_S))
            if way == "rushed":
                os.kill(frozen, signal.SIGCONT)
                time.sleep(rng.uniform(*RESUMED_S))  # noqa: ASYNC251 (the loop would be too coarse)
    os.kill(pid, signal.SIGKILL)


async def _kill(stack: Stack, name: str, rng: random.Random) -> int:
    """Kill it, at times once more while it recovers; how often."""
    times, pid = 0, stack.pid(name)
    while True:
        await _strike(stack, name, pid, rng)
        times += 1
        pid = await _restarted(stack, name, pid)
        if times == 2 or rng.random() > AGAIN_CHANCE:
            return times
        await asyncio.sleep(rng.uniform(*AGAIN_AFTER_S))


async def ready(stack: Stack, timeout_s: float = HEAL_TIMEOUT_S) -> None:
    """Until /ready says 200."""
    deadline, last = time.monotonic() + timeout_s, "no answer"
    async with httpx.AsyncClient(base_url=stack.url, timeout=10) as http:
        while time.monotonic() < deadline:
            try:
                answer = await http.get("/ready")
                if answer.status_code == 200:
                    return
                last = answer.text
            except httpx.TransportError as error:
                last = repr(error)
            await asyncio.sleep(0.02)
    raise AssertionError(f"not ready within {timeout_s:g} s: {last}\n{stack.said}")


async def torment(
    stack: Stack,
    load: Load,
    names: tuple[str, ...],
    rounds: int,
    rng: random.Random,
    *,
    together: bool = False,
) -> list[Kill]:
    """Kill one of `names` (with `together`: any of them at once) in each round, and see it heal.

    Raises AssertionError where it does not heal by itself."""
    kills = []
    for _ in range(rounds):
        await asyncio.sleep(rng.uniform(*BEFORE_S))
        chosen = rng.sample(names, rng.randint(1, len(names)) if together else 1)
        at = time.monotonic()
        times = sum(await asyncio.gather(*(_kill(stack, name, rng) for name in chosen)))
        await ready(stack)
        again = len(load.placed_at)
        while len(load.placed_at) < again + 3:
            assert time.monotonic() < at + 2 * HEAL_TIMEOUT_S, (
                f"no order is acknowledged after {chosen}: {load.counts}"
            )
            await asyncio.sleep(0.01)
        kills.append(Kill(tuple(chosen), times, at, time.monotonic() - at))
    return kills


def refused_s(moments: list[float], kill: Kill) -> float:
    """The longest silence between two good answers from a kill until all was well."""
    end = kill.at + kill.healed_s
    before = max((m for m in moments if m <= kill.at), default=kill.at)
    within = [before, *(m for m in moments if kill.at < m <= end), end]
    return max((b - a for a, b in itertools.pairwise(within)), default=0.0)
