"""helm upgrade and helm rollback under load lose no acknowledged order and execute nothing twice."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable

from tests.cluster.release import NAME, NAMESPACE, Release
from tests.faults.aftermath import check_invariants
from tests.faults.loads import STEADY, loaded
from tests.faults.traders import GATEWAY

PACE_S = 0.5
"""A rollout takes minutes and every order is checked afterwards, so orders are sent slowly."""


def revision(release: Release) -> int:
    done = release.helm("status", NAME, "--namespace", NAMESPACE, "--output", "json")
    return int(json.loads(done.stdout)["version"])


async def test_upgrade_and_rollback_under_load(release: Release, add_figure: Callable[[str], None]) -> None:
    await asyncio.to_thread(release.wait_ready)
    first, leader = revision(release), await asyncio.to_thread(release.settled)
    async with await loaded(release, "upgrade", steady=STEADY, pace_s=PACE_S, **GATEWAY) as load:
        started = time.monotonic()
        # Every pod template changes: functions, engine, gateway.
        took = await asyncio.to_thread(
            release.upgrade,
            "functionDefaults.env.CIFT_LOG_LEVEL=warning",
            "matchd.env.CIFT_LOG_LEVEL=debug",
            "gateway.coldStartSeconds=41",
        )
        await asyncio.to_thread(release.wait_ready)
        changed = await asyncio.to_thread(release.settled)
        assert changed.epoch > leader.epoch, "the upgrade must restart the engine"
        assert {each.uid for each in release.engines()}.isdisjoint({leader.uid})
        began = time.monotonic()
        await asyncio.to_thread(
            release.helm, "rollback", NAME, str(first), "--namespace", NAMESPACE, "--timeout", "15m"
        )
        back = time.monotonic() - began
        await asyncio.to_thread(release.wait_ready)
        await asyncio.to_thread(release.settled)
        placed = len(load.placed_at)
        while len(load.placed_at) < placed + 3:
            await asyncio.sleep(0.05)
        await load.stop()
        silences = sorted(((b - a, a) for a, b in itertools.pairwise(load.placed_at)), reverse=True)
        figures = await check_invariants(
            release, load
        )  # places orders too, so the silences are computed before
        longest = ", ".join(f"{took:.2f} s at {at - started:.0f} s" for took, at in silences[:3])
        responses = ", ".join(f"{n} x {response}" for response, n in sorted(load.counts.items()))
        add_figure(
            f"helm upgrade {took:.1f} s, rollback {back:.1f} s under load: longest times between two"
            f" acknowledged orders {longest}; {figures}; responses: {responses}"
        )
    assert revision(release) == first + 2
