"""Kill servers of an exchange under load with SIGKILL, at seeded moments, also while they recover."""

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
from tests.target import DEADLINE_S

RECOVERY_TIMEOUT_S = 60.0
BEFORE_S = (0.2, 1.5)
"""Time under load between a recovery and the next kill."""
SECOND_KILL_AFTER_S = (0.0, 0.8)
"""Time from a server's restart to its second kill, which hits it while it recovers."""
SECOND_KILL_CHANCE = 0.35
FROZEN_S = (0.02, 0.3)
"""Most kills hit a server that was stopped (SIGSTOP) for this time, so that some requests were received and
not answered."""
RESUMED_S = (0.0, 0.004)
"""Others hit a server this long after nats-server was stopped and continued, when the delayed messages
arrive."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One round: servers that were killed, signals sent, start and duration until recovery."""

    names: tuple[str, ...]
    times: int
    at: float
    recovered_s: float
    """Seconds from the first signal until /ready returned 200 and orders were acknowledged again."""


async def _restarted(stack: Stack, name: str, old: int) -> int:
    deadline = time.monotonic() + RECOVERY_TIMEOUT_S
    while time.monotonic() < deadline:
        pid = stack.run_file["children"][name]
        if pid and pid != old:
            return int(pid)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{name} was not started again within {RECOVERY_TIMEOUT_S:g} s:\n{stack.printed}")


async def _strike(stack: Stack, name: str, pid: int, rng: random.Random) -> None:
    """Send one SIGKILL: while running, while stopped, or right after NATS was stopped and continued."""
    state = rng.choice(("running", "frozen", "rushed" if name in ("matchd", "nats-server") else "frozen"))
    frozen = stack.pid("nats-server") if state == "rushed" else pid
    if state != "running":
        with contextlib.suppress(ProcessLookupError):  # NATS itself is being killed
            os.kill(frozen, signal.SIGSTOP)
            await asyncio.sleep(rng.uniform(*FROZEN_S))
            if state == "rushed":
                os.kill(frozen, signal.SIGCONT)
                time.sleep(rng.uniform(*RESUMED_S))  # noqa: ASYNC251 (asyncio.sleep is too coarse)
    os.kill(pid, signal.SIGKILL)


async def _kill(stack: Stack, name: str, rng: random.Random) -> int:
    """Kill the server, sometimes again while it recovers. Returns the number of kills."""
    times, pid = 0, stack.pid(name)
    while True:
        await _strike(stack, name, pid, rng)
        times += 1
        pid = await _restarted(stack, name, pid)
        if times == 2 or rng.random() > SECOND_KILL_CHANCE:
            return times
        await asyncio.sleep(rng.uniform(*SECOND_KILL_AFTER_S))


async def ready(stack: Stack, timeout_s: float = RECOVERY_TIMEOUT_S) -> None:
    """Wait until /ready returns 200."""
    deadline, last = time.monotonic() + timeout_s, "no answer"
    async with httpx.AsyncClient(base_url=stack.url, timeout=DEADLINE_S) as http:
        while time.monotonic() < deadline:
            try:
                answer = await http.get("/ready")
                if answer.status_code == 200:
                    return
                last = answer.text
            except httpx.TransportError as error:
                last = repr(error)
            await asyncio.sleep(0.02)
    raise AssertionError(f"not ready within {timeout_s:g} s: {last}\n{stack.printed}")


async def kill_repeatedly(
    stack: Stack,
    load: Load,
    names: tuple[str, ...],
    rounds: int,
    rng: random.Random,
    *,
    together: bool = False,
) -> list[Kill]:
    """Kill one of `names` in each round (with `together`: several at the same time) and wait for the
    recovery.

    Raises AssertionError if the exchange does not recover."""
    kills = []
    for _ in range(rounds):
        await asyncio.sleep(rng.uniform(*BEFORE_S))
        chosen = rng.sample(names, rng.randint(1, len(names)) if together else 1)
        at = time.monotonic()
        times = sum(await asyncio.gather(*(_kill(stack, name, rng) for name in chosen)))
        await ready(stack)
        again = len(load.placed_at)
        while len(load.placed_at) < again + 3:
            assert time.monotonic() < at + 2 * RECOVERY_TIMEOUT_S, (
                f"no order is acknowledged after {chosen}: {load.counts}"
            )
            await asyncio.sleep(0.01)
        kills.append(Kill(tuple(chosen), times, at, time.monotonic() - at))
    return kills


def refused_s(moments: list[float], kill: Kill) -> float:
    """The longest time between two successful answers, from the kill to the recovery."""
    end = kill.at + kill.recovered_s
    before = max((m for m in moments if m <= kill.at), default=kill.at)
    within = [before, *(m for m in moments if kill.at < m <= end), end]
    return max((b - a for a, b in itertools.pairwise(within)), default=0.0)
