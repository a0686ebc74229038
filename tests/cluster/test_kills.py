"""Each pod is killed once under load. No acknowledged order is lost, nothing is executed twice, and the
release recovers by itself."""

import asyncio
import random
import time
from collections.abc import Callable

from tests.cluster.release import Release
from tests.faults.aftermath import check_invariants
from tests.faults.conftest import SEED
from tests.faults.killer import Kill
from tests.faults.loads import STEADY, loaded, report
from tests.faults.traders import GATEWAY

VICTIMS = (
    "matchd",
    "nats",
    "postgres",
    "valkey",
    "gateway",
    "relay",
    "operator",
    "trading-place-order",
    "trading-project-journal",
)
RECOVERY_TIMEOUT_S = 240.0
PAUSE_S = (1.0, 3.0)
"""The shortest and the longest pause before a kill."""


def kill(release: Release, name: str) -> None:
    pods = [release.leader().pod] if name == "matchd" else [p["metadata"]["name"] for p in release.pods(name)]
    assert pods, f"{name} has no pod to kill"
    release.kubectl("delete", "pod", *pods, "--grace-period=0", "--force", "--wait=false")


async def test_nothing_is_lost_when_pods_are_killed(
    release: Release, add_figure: Callable[[str], None]
) -> None:
    await asyncio.to_thread(release.wait_ready)
    rng = random.Random(f"pods:{SEED}")
    victims = rng.sample(VICTIMS, len(VICTIMS))
    kills = []
    async with await loaded(release, "pods", steady=STEADY, **GATEWAY) as load:
        for name in victims:
            await asyncio.sleep(rng.uniform(*PAUSE_S))
            killed_at = time.monotonic()
            await asyncio.to_thread(kill, release, name)
            await asyncio.sleep(1)
            await asyncio.to_thread(release.wait_ready, RECOVERY_TIMEOUT_S)
            placed = len(load.placed_at)
            while len(load.placed_at) < placed + 3:
                assert time.monotonic() < killed_at + RECOVERY_TIMEOUT_S, (
                    f"fewer than 3 orders were placed after {name} was killed: {load.counts}"
                )
                await asyncio.sleep(0.05)
            kills.append(Kill((name,), 1, killed_at, time.monotonic() - killed_at))
            print(f"   {name} killed, recovered after {kills[-1].recovered_s:.1f} s", flush=True)
        await load.stop()
        figures = await check_invariants(release, load)
        add_figure(report("pods killed under load", load, kills, figures))
