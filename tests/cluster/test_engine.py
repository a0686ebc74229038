"""A fault of the leader or its node causes one change of leader and loses no acknowledged order.

Orders are sent through the gateway during the whole test, and every response is recorded
(tests/faults/traders.py). While there is no leader they are rejected with 503 and Retry-After; the
duration is printed.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.cluster.machine import TestCluster
from tests.cluster.release import EnginePod, Release
from tests.faults.aftermath import check_invariants
from tests.faults.killer import Kill, refused_s
from tests.faults.loads import loaded
from tests.faults.traders import GATEWAY, Load

RECOVERY_TIMEOUT_S = 120.0
FROZEN_S = 8.0
QUIET_S = 8.0
"""How long the new leader must keep the lead after the fault is over."""
Fault = Callable[[TestCluster, Release, EnginePod], Awaitable[None]]


def process_of(machine: TestCluster, leader: EnginePod) -> int:
    (pid,) = machine.pids(leader.node, leader.uid, "/program")
    return pid


async def new_leader(release: Release, old: EnginePod) -> EnginePod:
    """Wait until another pod leads, and return it."""
    deadline = time.monotonic() + RECOVERY_TIMEOUT_S
    while time.monotonic() < deadline:
        found = [
            e for e in await asyncio.to_thread(release.engines) if e.role == "leader" and e.pod != old.pod
        ]
        if found:
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"no new leader after {old} within {RECOVERY_TIMEOUT_S:g} s: {release.engines()}")


async def killed(machine: TestCluster, release: Release, leader: EnginePod) -> None:
    os.kill(process_of(machine, leader), signal.SIGKILL)


async def frozen(machine: TestCluster, release: Release, leader: EnginePod) -> None:
    """Stop the process for longer than the standby waits. Then it continues, and still believes that it
    leads."""
    pid = process_of(machine, leader)
    os.kill(pid, signal.SIGSTOP)
    try:
        await new_leader(release, leader)
        await asyncio.sleep(FROZEN_S)
    finally:
        os.kill(pid, signal.SIGCONT)


async def drained(machine: TestCluster, release: Release, leader: EnginePod) -> None:
    kubectl = release.cluster.kubectl
    flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=100s")
    try:
        await asyncio.to_thread(kubectl, "drain", leader.node, *flags)
        await new_leader(release, leader)
    finally:
        await asyncio.to_thread(kubectl, "uncordon", leader.node)


async def lost(machine: TestCluster, release: Release, leader: EnginePod) -> None:
    """Kill everything on the node, including what would restart it. Afterwards start the node again."""
    processes = (f"kubelet-{leader.node}", f"containerd-{leader.node}")
    for process in processes:
        machine.stop(process, "KILL")
    try:
        assert machine.signal_node(leader.node, signal.SIGKILL) >= 1
        await new_leader(release, leader)
    finally:
        for process in reversed(processes):
            await asyncio.to_thread(machine.restart, process)


async def orders_flow(load: Load) -> None:
    seen, deadline = len(load.placed_at), time.monotonic() + RECOVERY_TIMEOUT_S
    while len(load.placed_at) < seen + 5:
        assert time.monotonic() < deadline, f"no order is acknowledged: {load.counts}"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", [killed, frozen, drained, lost], ids=lambda fault: fault.__name__)
async def test_one_change_of_leader_and_nothing_lost(
    release: Release, faults: TestCluster, fault: Fault, add_figure: Callable[[str], None]
) -> None:
    await one_change_of_leader(release, faults, fault, add_figure)


async def one_change_of_leader(
    release: Release, faults: TestCluster, fault: Fault, add_figure: Callable[[str], None]
) -> None:
    """Apply a fault to the leader under load; assert that no acknowledged order is lost."""
    await asyncio.to_thread(release.wait_ready)
    before = await asyncio.to_thread(release.settled)
    name = fault.__name__
    async with await loaded(release, name, only_orders=True, resend_chance=0.0, **GATEWAY) as load:
        await orders_flow(load)
        at = time.monotonic()
        await fault(faults, release, before)
        after = await new_leader(release, before) if name != "killed" else None
        await orders_flow(load)
        healed = time.monotonic() - at
        # The former leader is back and must not take the lead again.
        settled = await asyncio.to_thread(release.settled, RECOVERY_TIMEOUT_S)
        await asyncio.sleep(QUIET_S)
        last = await asyncio.to_thread(release.leader)
        assert (last.pod, last.epoch) == (settled.pod, before.epoch + 1), (
            f"{name}: expected exactly one change of leader: {before} → {after} → {settled} → {last}"
        )
        if after is not None:
            assert last.pod == after.pod
        await load.stop()
        kill = Kill((name,), 1, at, healed)
        refused = sum(n for what, n in load.counts.items() if "engine_unavailable" in what)
        unknown = sum(n for what, n in load.counts.items() if "outcome_unknown" in what)
        figures = await check_invariants(release, load)
        add_figure(
            f"engine {name}: no order acknowledged for {refused_s(load.placed_at, kill):.2f} s;"
            f" {refused} rejected with Retry-After, {unknown} outcome_unknown; {figures}"
        )
