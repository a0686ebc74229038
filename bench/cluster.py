"""Figures of a cluster: cold starts through Knative, warm requests, accounts, projection, failover, images.

    python -m bench.cluster [--calls 200] [--events 100000]

It needs a cluster that has the images: `make test-cluster KEEP=1` leaves one running, or CIFT_KUBECONFIG,
CIFT_HELM and CIFT_TEST_TAG name one. If no release is installed, it installs one. One client measures
everything through the gateway, on the same machine and cores as the cluster. The exit code is always 0.

| figure | how |
|---|---|
| cold start, one at a time | each reading function, one after the other, when it has no pod left |
| cold start, ten at once | ten of them at the same moment |
| warm | the same request repeatedly; compared with an exchange on one machine |
| kubectl apply → tradable | from applying a TradingAccount until an order with its key is acknowledged |
| backlog | events made without relay and projector pods; then relay starts, until all are projected |
| failover | the leader's pod is deleted: the longest time between two acknowledged orders |
| images | size of each image, and of the layers that only it has |
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
from tests.cluster.projectors import HANDLERS, caught_up, offsets, scale_to_zero_allowed  # noqa: E402
from tests.cluster.release import NAME, NAMESPACE, Release, functions, readers  # noqa: E402
from tests.faults.loads import new_symbol  # noqa: E402
from tests.operators.cluster import Cluster, account  # noqa: E402
from tests.stack import Stack  # noqa: E402
from tests.target import Target, User  # noqa: E402

RESPONSE_TIMEOUT_S = 90.0
SCALE_DOWN_TIMEOUT_S = 300.0
ACCOUNTS = 3
ORDERS = "/api/v1/trading/orders"
COLD_TARGET_S = 1.5


def release_of(folder: Path) -> Release:
    machine = TestCluster.find()
    tag = os.environ.get("CIFT_TEST_TAG") or (ROOT / ".images" / "tag").read_text()
    kubeconfig = os.environ.get("CIFT_KUBECONFIG") or (machine and str(machine.kubeconfig))
    helm = os.environ.get("CIFT_HELM") or (machine and str(machine.helm))
    if not kubeconfig or not helm:
        sys.exit("no cluster: `make test-cluster KEEP=1` leaves one running, or set CIFT_KUBECONFIG")
    release = Release(Cluster(Path(kubeconfig), None, folder), Path(helm), folder, tag)
    if not release.status:
        print(f"helm install until everything is ready: {release.install():.1f} s", flush=True)
    elif release.is_current:
        release.wait_ready()
    else:
        sys.exit(f"the installed release has other images than {tag}: helm uninstall {NAME} -n {NAMESPACE}")
    return release


async def cold(release: Release, user: User) -> None:
    paths = readers()
    async with httpx.AsyncClient(base_url=release.url, timeout=RESPONSE_TIMEOUT_S) as http:

        async def call(path: str) -> float:
            began = time.perf_counter()
            response = await http.get(path, headers=user.key)
            assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:200]}"
            return time.perf_counter() - began

        async def scaled_to_zero(names: list[str]) -> None:
            for name in names:
                await asyncio.to_thread(release.no_pods, name)

        await scaled_to_zero(list(paths))
        print(f"cold start through Knative, one at a time (target ≤ {COLD_TARGET_S:g} s)")
        seconds = {}
        for name, path in paths.items():
            seconds[name] = await call(path)
            print(f"  {name:34} {seconds[name]:6.2f} s", flush=True)
        print(f"  median {statistics.median(seconds.values()):.2f} s, max {max(seconds.values()):.2f} s")
        ten = list(paths)[:10]
        await scaled_to_zero(list(paths))
        took = sorted(await asyncio.gather(*(call(paths[name]) for name in ten)))
        print(
            f"cold start, ten at once: first {took[0]:.2f} s, median {took[len(took) // 2]:.2f} s,"
            f" last {took[-1]:.2f} s"
        )


def percentiles(took: list[float]) -> str:
    ordered = [each * 1000 for each in sorted(took)]
    return f"p50 {ordered[len(ordered) // 2]:7.2f} ms   p99 {ordered[len(ordered) * 99 // 100]:7.2f} ms"


async def warm(target: Target, calls: int) -> None:
    symbol = f"B{time.time_ns() // 1_000_000_000 % 10**8}"
    await new_symbol(target, symbol)
    user = await asyncio.to_thread(target.new_user)
    order = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "1", "limit_price": "99"}
    requests: dict[str, Callable[[httpx.AsyncClient], Any]] = {
        "GET /health": lambda http: http.get("/health"),
        "GET quote": lambda http: http.get(f"/api/v1/market-data/quote/{symbol}"),
        "POST order": lambda http: http.post(ORDERS, json=order, headers=user.key),
    }
    async with httpx.AsyncClient(base_url=target.url, timeout=RESPONSE_TIMEOUT_S) as http:
        for name, request in requests.items():
            took = []
            for number in range(calls + 5):
                began = time.perf_counter()
                response = await request(http)
                if number >= 5:  # the first ones start a pod and open its connections
                    took.append(time.perf_counter() - began)
                assert response.status_code < 300, response.text
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
            async with httpx.AsyncClient(base_url=release.url, timeout=RESPONSE_TIMEOUT_S) as http:
                response = await http.post(ORDERS, json=order, headers={"X-API-Key": secret["CIFT_API_KEY"]})
            assert response.status_code == 201, response.text
            took.append(time.perf_counter() - began)
    seconds = ", ".join(f"{each:.2f}" for each in took)
    print(f"kubectl apply → acknowledged order: {seconds} s (including four runs of kubectl)")


async def backlog(release: Release, events: int) -> None:
    relay = ("scale", "deployment", f"{NAME}-relay")
    platform = Platform(release.settings(nats_url=release.journal_url))
    try:
        with scale_to_zero_allowed(release):
            await caught_up(platform)
            release.kubectl(*relay, "--replicas=0")
            for name in HANDLERS:
                await asyncio.to_thread(release.no_pods, name, SCALE_DOWN_TIMEOUT_S)
            before, _ = await offsets(platform)
            last, commands, made = await fill(platform, events)
            behind = last - min(before.values())
            began = time.perf_counter()
            release.kubectl(*relay, "--replicas=1")
            await caught_up(platform, DRAINED_WITHIN_S)
            took = time.perf_counter() - began
        print(
            f"backlog of {made:,} events ({commands:,} commands, {behind:,} records), with relay stopped and"
            f" all {len(HANDLERS)} projectors scaled to zero: projected {took:.1f} s after relay's start,"
            f" {made / took:,.0f} events/s"
        )
    finally:
        await platform.close()


async def engine(release: Release) -> None:
    """One client sends orders while the leader's pod is deleted without a grace period, as if its node
    failed."""
    symbol = f"E{time.time_ns() // 1_000_000_000 % 10**8}"
    await new_symbol(release, symbol)
    user = await asyncio.to_thread(release.new_user)
    order = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "1", "limit_price": "99"}
    leader = await asyncio.to_thread(release.settled)
    done_at, codes = [time.perf_counter()], dict[str, int]()
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
    async with httpx.AsyncClient(base_url=release.url, timeout=RESPONSE_TIMEOUT_S) as http:
        until = time.perf_counter() + 15
        while time.perf_counter() < until:
            response = await http.post(ORDERS, json=order, headers=user.key)
            code = "acknowledged" if response.status_code == 201 else response.json()["code"]
            codes[code] = codes.get(code, 0) + 1
            if response.status_code == 201:
                done_at.append(time.perf_counter())
            else:
                await asyncio.sleep(0.05)
    await gone.wait()
    after = await asyncio.to_thread(release.settled)
    gap = max(b - a for a, b in itertools.pairwise(done_at))
    print(
        f"failover: no order acknowledged for {gap:.2f} s; epoch {leader.epoch} → {after.epoch};"
        f" responses: {json.dumps(codes)}"
    )


def images() -> None:
    archive = ROOT / ".images" / "cift.oci.tar"
    if not archive.exists():
        return print("images: none built on this machine (make images)")
    with tarfile.open(archive) as tar:

        def read(name: str) -> Any:
            member = tar.extractfile(name)
            assert member is not None
            return json.load(member)

        blob = "blobs/sha256/{}".format
        seen: set[str] = set()
        print(f"{'image':36} {'MB':>8} {'own KB':>10}")
        manifests = read("index.json")["manifests"]
        names = set(functions())
        short = {each["digest"]: each["annotations"]["io.containerd.image.name"] for each in manifests}
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
        print(f"warm, one client, {calls} requests, through the gateway")
        await warm(release, calls)
        print("the same on one machine (make run)")
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
