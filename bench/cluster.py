"""What the cluster adds: cold starts through Knative, the way of a call, accounts, the engine's recovery.

    python -m bench.cluster [--calls 200] [--events 100000]

Needs a cluster that has the images: `make test-cluster KEEP=1` leaves one up (or CIFT_KUBECONFIG, CIFT_HELM
and CIFT_TEST_TAG name one). Where no release is there, it is installed first. Everything is measured from
outside, through the gateway, by one client on the same machine, whose cores it shares with the cluster.
Judges nothing: it prints, and always ends with 0.

| figure | how |
|---|---|
| cold, singly | each function of readers, one after the other, when its last pod has gone |
| cold, ten at once | ten of them, in the same moment |
| warm | the same call again and again, beside an exchange of one machine started for this |
| kubectl apply → tradable | a TradingAccount applied until an order with its Secret's key is acknowledged |
| backlog | events made while relay is away and all projectors asleep; then relay, until all is projected |
| engine | the leader's process killed: the longest silence between two acknowledged orders |
| images | what each adds to the layers that others have too |
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.relay import DRAINED_WITHIN_S, fill  # noqa: E402
from cift.platform.stores import Platform  # noqa: E402
from tests.cluster.machine import TestCluster  # noqa: E402
from tests.cluster.projectors import HANDLERS, allowed_to_sleep, caught_up, offsets  # noqa: E402
from tests.cluster.release import NAME, NAMESPACE, Release, functions, sleepers  # noqa: E402
from tests.faults.loads import new_symbol  # noqa: E402
from tests.operators.cluster import Cluster, account  # noqa: E402
from tests.stack import Stack  # noqa: E402
from tests.target import Target, User  # noqa: E402

ANSWER_TIMEOUT_S = 90.0
ASLEEP_TIMEOUT_S = 300.0
ACCOUNTS = 3
ORDERS = "/api/v1/trading/orders"
COLD_WANTED_S = 1.5


def release_of(folder: Path) -> Release:
    machine = TestCluster.find()
    tag = os.environ.get("CIFT_TEST_TAG") or (ROOT / ".images" / "tag").read_text()
    kubeconfig = os.environ.get("CIFT_KUBECONFIG") or (machine and str(machine.kubeconfig))
    helm = os.environ.get("CIFT_HELM") or (machine and str(machine.helm))
    if not kubeconfig or not helm:
        sys.exit("no cluster: `make test-cluster KEEP=1` leaves one up, CIFT_KUBECONFIG names another")
    release = Release(Cluster(Path(kubeconfig), None, folder), Path(helm), folder, tag)
    if not release.status:
        print(f"helm install to everything ready {release.install():.1f} s", flush=True)
    elif release.is_current:
        release.wait_ready()
    else:
        sys.exit(f"the release there is not of the images {tag}: helm uninstall {NAME} -n {NAMESPACE}")
    return release


async def cold(release: Release, user: User) -> None:
    paths = sleepers()
    async with httpx.AsyncClient(base_url=release.url, timeout=ANSWER_TIMEOUT_S) as http:

        async def call(path: str) -> float:
            began = time.perf_counter()
            answer = await http.get(path, headers=user.key)
            assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
            return time.perf_counter() - began

        async def asleep(names: list[str]) -> None:
            for name in names:
                await asyncio.to_thread(release.no_pods, name)

        await asleep(list(paths))
        print(f"cold start through Knative, singly (wanted ≤ {COLD_WANTED_S:g} s)")
        singly = {}
        for name, path in paths.items():
            singly[name] = await call(path)
            print(f"  {name:34} {singly[name]:6.2f} s", flush=True)
        print(f"  median {statistics.median(singly.values()):.2f} s, most {max(singly.values()):.2f} s")
        ten = list(paths)[:10]
        await asleep(list(paths))
        took = sorted(await asyncio.gather(*(call(paths[name]) for name in ten)))
        print(
            f"ten at once: first {took[0]:.2f} s, median {took[len(took) // 2]:.2f} s, last {took[-1]:.2f} s"
        )


def percentiles(took: list[float]) -> str:
    ordered = [each * 1000 for each in sorted(took)]
    return f"p50 {ordered[len(ordered) // 2]:7.2f} ms   p99 {ordered[len(ordered) * 99 // 100]:7.2f} ms"


async def warm(target: Target, calls: int) -> None:
    symbol = f"B{time.time_ns() // 1_000_000_000 % 10**8}"
    await new_symbol(target, symbol)
    user = await asyncio.to_thread(target.new_user)
    order = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "1", "limit_price": "99"}
    ways: dict[str, Callable[[httpx.AsyncClient], Any]] = {
        "GET /health": lambda http: http.get("/health"),
        "GET quote": lambda http: http.get(f"/api/v1/market-data/quote/{symbol}"),
        "POST order": lambda http: http.post(ORDERS, json=order, headers=user.key),
    }
    async with httpx.AsyncClient(base_url=target.url, timeout=ANSWER_TIMEOUT_S) as http:
        for name, ask in ways.items():
            took = []
            for number in range(calls + 5):
                began = time.perf_counter()
                answer = await ask(http)
                if number >= 5:  # the first ones wake it and open its connections
                    took.append(time.perf_counter() - began)
                assert answer.status_code < 300, answer.text
            print(f"  {name:12} {percentiles(took)}", flush=True)


async def tradable(release: Release) -> None:
    symbol = f"K{time.time_ns() // 1_000_000_000 % 10**8}"
    await new_symbol(release, symbol)
    order = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "1", "limit_price": "100"}
    took = []
    with release.cluster.namespace() as namespace:
        for number in range(ACCOUNTS):
            began = time.perf_counter()
            release.cluster.apply(account(f"bench-{number}", namespace))
            release.cluster.account(f"bench-{number}", namespace)
            secret = release.cluster.secret(f"bench-{number}-credentials", namespace)
            async with httpx.AsyncClient(base_url=release.url, timeout=ANSWER_TIMEOUT_S) as http:
                answer = await http.post(ORDERS, json=order, headers={"X-API-Key": secret["CIFT_API_KEY"]})
            assert answer.status_code == 201, answer.text
            took.append(time.perf_counter() - began)
    told = ", ".join(f"{each:.2f}" for each in took)
    print(f"kubectl apply → acknowledged order: {told} s (four runs of kubectl included)")


async def backlog(release: Release, events: int) -> None:
    relay = ("scale", "deployment", f"{NAME}-relay")
    platform = Platform(release.settings(nats_url=release.journal_url))
    try:
        with allowed_to_sleep(release):
            await caught_up(platform)
            release.kubectl(*relay, "--replicas=0")
            for name in HANDLERS:
                await asyncio.to_thread(release.no_pods, name, ASLEEP_TIMEOUT_S)
            before, _ = await offsets(platform)
            last, commands, made = await fill(platform, events)
            behind = last - min(before.values())
            began = time.perf_counter()
            release.kubectl(*relay, "--replicas=1")
            await caught_up(platform, DRAINED_WITHIN_S)
            took = time.perf_counter() - began
        print(
            f"backlog of {made:,} events ({commands:,} commands, {behind:,} records), relay away and all"
            f" {len(HANDLERS)} projectors asleep: projected {took:.1f} s after relay was asked for,"
            f" {made / took:,.0f} events/s"
        )
    finally:
        await platform.close()


async def engine(release: Release) -> None:
    """Orders of one client all the while; the pod of the leader deleted at once, as by a dying node."""
    symbol = f"E{time.time_ns() // 1_000_000_000 % 10**8}"
    await new_symbol(release, symbol)
    user = await asyncio.to_thread(release.new_user)
    order = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "1", "limit_price": "99"}
    leader = await asyncio.to_thread(release.settled)
    done_at, answers = [time.perf_counter()], dict[str, int]()
    gone = await asyncio.create_subprocess_exec(
        *(
            "kubectl",
            f"--kubeconfig={release.cluster.kubeconfig}",
            "-n",
            NAMESPACE,
            "delete",
            "pod",
            leader.pod,
        ),
        *("--grace-period=0", "--force", "--wait=false"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with httpx.AsyncClient(base_url=release.url, timeout=ANSWER_TIMEOUT_S) as http:
        until = time.perf_counter() + 15
        while time.perf_counter() < until:
            answer = await http.post(ORDERS, json=order, headers=user.key)
            code = "acknowledged" if answer.status_code == 201 else answer.json()["code"]
            answers[code] = answers.get(code, 0) + 1
            if answer.status_code == 201:
                done_at.append(time.perf_counter())
            else:
                await asyncio.sleep(0.05)
    await gone.wait()
    after = await asyncio.to_thread(release.settled)
    gap = max(b - a for a, b in itertools.pairwise(done_at))
    print(
        f"leader deleted: no order acknowledged for {gap:.2f} s; epoch {leader.epoch} → {after.epoch};"
        f" answers: {json.dumps(answers)}"
    )


def images() -> None:
    archive = ROOT / ".images" / "cift.oci.tar"
    if not archive.exists():
        return print("images: not built here (make images)")
    with tarfile.open(archive) as tar:

        def read(name: str) -> Any:
            member = tar.extractfile(name)
            assert member is not None
            return json.load(member)

        blob = "blobs/sha256/{}".format
        seen: set[str] = set()
        print(f"{'image':36} {'MB':>8} {'own KB':>10}")
        entries = read("index.json")["manifests"]
        names = set(functions())
        short = {each["digest"]: each["annotations"]["io.containerd.image.name"] for each in entries}
        order = sorted(
            short.items(), key=lambda each: (each[1].split("/")[-1].split(":")[0] in names, each[1])
        )
        for digest, name in order:
            layers = read(blob(digest.removeprefix("sha256:")))["layers"]
            own = sum(layer["size"] for layer in layers if layer["digest"] not in seen)
            seen |= {layer["digest"] for layer in layers}
            whole = Decimal(sum(layer["size"] for layer in layers))
            print(f"{name.split('/')[-1].split(':')[0]:36} {whole / 1_000_000:8.1f} {own / 1000:10.1f}")
    return None


async def measure(calls: int, events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        release = release_of(Path(folder))
        user = await asyncio.to_thread(release.new_user)
        await cold(release, user)
        print(f"warm, one client, {calls} calls: through the gateway")
        await warm(release, calls)
        print("on one machine (make run)")
        with Stack.start(Path(folder) / "exchange" / "data") as stack:
            await warm(stack, calls)
        await tradable(release)
        await backlog(release, events)
        await engine(release)
        images()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    asyncio.run(measure(options.calls, options.events))
    return 0


if __name__ == "__main__":
    sys.exit(main())
