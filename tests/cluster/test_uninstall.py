"""helm uninstall keeps the data (volumes, Secrets, accounts), and a new installation uses it.

Without the stores' volumes a backup restores everything; here with three NATS servers instead of one, and
TLS."""

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import polars as pl
import pytest

from cift.platform.stores import Platform
from tests.cluster.release import NAME, Release
from tests.faults.aftermath import check_invariants
from tests.faults.killer import Kill, refused_s
from tests.faults.loads import STEADY, loaded, new_symbol
from tests.faults.traders import GATEWAY, Load
from tests.target import PASSWORD, User, eventually

STORES = {f"data-{NAME}-postgres-0", f"data-{NAME}-nats-0"}
CLAIMS = {*STORES, f"{NAME}-backup"}
QUIET = ("matchd.replicas=0", "relay.enabled=false", "operator.enabled=false", "market.source=none")
"""With these values nothing writes to the stores (k8s/README.md)."""
THREE, TLS = "nats.replicas=3", "gateway.tls.secretName=cift-gateway-tls"
ANALYTICS = "clickhouse.enabled=true"
TRADED, ARCHIVED_TIMEOUT_S = "RESTORED", 120.0
AFTER_ORDERS, AGAIN_TIMEOUT_S = 50, 60.0
API = "/api/v1/trading"


async def acknowledged(load: Load, orders: int) -> None:
    """Wait until `orders` more orders are acknowledged."""
    wanted, deadline = len(load.placed_at) + orders, time.monotonic() + AGAIN_TIMEOUT_S
    while len(load.placed_at) < wanted:
        assert time.monotonic() < deadline, f"no order is acknowledged: {load.counts}"
        await asyncio.sleep(0.05)


def deposit(http: httpx.Client, user: User, amount: str) -> None:
    response = http.post(f"{API}/account/deposit", json={"amount": amount}, headers=user.key)
    assert response.status_code == 201, response.text


def test_uninstall_keeps_the_data(release: Release, add_figure: Callable[[str], None]) -> None:
    release.wait_ready()
    user = release.new_user()
    with httpx.Client(base_url=release.url, timeout=60) as http:
        deposit(http, user, "77.5")
    secrets = {
        name: release.secret(f"{NAME}-{name}") for name in ("postgres", "nats", "valkey", "token-keys")
    }
    release.uninstall()
    left = {each["metadata"]["name"] for each in release.get("pvc")["items"]}
    assert left == CLAIMS
    for name, before in secrets.items():
        assert release.secret(f"{NAME}-{name}") == before
    add_figure(f"helm install with existing data: {release.install():.1f} s until everything is ready")
    with httpx.Client(base_url=release.url, timeout=60) as http:
        login = http.post("/api/v1/auth/login", json={"username": user.username, "password": PASSWORD})
        assert login.status_code == 200, login.text
        portfolio = http.get(f"{API}/portfolio", headers=user.key)
        assert portfolio.status_code == 200, portfolio.text
        assert portfolio.json()["cash"] == "100077.5"


@pytest.fixture(scope="module")
def trusting() -> Iterator[Callable[[Path], None]]:
    """A function that makes this process's HTTP clients trust a certificate until these tests end."""
    with pytest.MonkeyPatch.context() as changed:
        yield lambda certificate: changed.setenv("SSL_CERT_FILE", str(certificate))


def test_a_backup_restores_the_exchange(
    release: Release, trusting: Callable[[Path], None], add_figure: Callable[[str], None]
) -> None:
    release.wait_ready()
    user = release.new_user()
    with httpx.Client(base_url=release.url, timeout=60) as http:
        deposit(http, user, "1.25")
        before = http.get(f"{API}/transactions", headers=user.key).json()
        assert len(before["items"]) == 2
        asyncio.run(new_symbol(release, TRADED))
        for trader, side in ((release.new_user(), "buy"), (release.new_user(), "sell")):
            order = {"symbol": TRADED, "side": side, "type": "limit", "quantity": "7", "limit_price": "100"}
            assert http.post(f"{API}/orders", json=order, headers=trader.key).status_code == 201
        began = time.monotonic()
        made = release.job(f"{NAME}-backup", "by-hand")
        took = time.monotonic() - began
        deposit(http, user, "5")  # after the backup, so it must not be restored
    release.uninstall()
    release.kubectl("delete", "pvc", *STORES, "--wait=true", "--timeout=120s")
    began = time.monotonic()
    release.install_without_wait(*QUIET, THREE, f"backup.volume.existingClaim={NAME}-backup")
    restored = release.job(f"{NAME}-restore", "restore")
    trusting(release.certify(TLS.partition("=")[2]))
    release.upgrade(THREE, TLS, ANALYTICS)
    release.wait_ready()
    assert release.url.startswith("https://")
    add_figure(
        f"backup in a pod {took:.1f} s ({made.strip().splitlines()[-1]}); installed with empty stores,"
        f" restored and trading after {time.monotonic() - began:.1f} s ({restored.strip().splitlines()[-1]})"
    )
    release.settled()
    with httpx.Client(base_url=release.url, timeout=60) as http:
        after = http.get(f"{API}/transactions", headers=user.key)
        assert (after.status_code, after.json()) == (200, before), after.text
        deposit(http, user, "2")
        assert http.get(f"{API}/portfolio", headers=user.key).json()["cash"] == "100003.25"


def test_analytics_are_filled_from_the_restored_journal(
    release: Release, add_figure: Callable[[str], None]
) -> None:
    """A new ClickHouse receives the trades that the restored journal contains."""
    with httpx.Client(base_url=f"{release.url}/api/v1", timeout=60) as http:

        def get(path: str, **query: str) -> httpx.Response:
            response = http.get(f"{path}/{TRADED}", params=query)
            assert response.status_code in (200, 503), response.text
            return response

        began = time.monotonic()
        eventually(
            lambda: get("analytics/volume-profile").json().get("items"),
            "the trade from before the backup is in ClickHouse",
            ARCHIVED_TIMEOUT_S,
            1,
        )
        took = time.monotonic() - began
        (band,) = get("analytics/volume-profile").json()["items"]
        assert band == {"price": "100", "volume": "7", "trades": 1}
        (bar,) = get("market-data/bars", interval="5m").json()["items"]
        assert (bar["close"], bar["volume"], bar["vwap"], bar["trades"]) == ("100", "7", "100", 1)
        history = get("market-data/history", format="parquet")
        assert pl.read_parquet(io.BytesIO(history.content))["quantity"].to_list() == [Decimal(7)]
    add_figure(f"analytics of the restored journal's trades are available after {took:.1f} s")


async def test_one_of_three_nats_servers_is_lost(release: Release, add_figure: Callable[[str], None]) -> None:
    """Kill the server that leads the journal's stream."""
    platform = Platform(release.settings(nats_url=release.journal_url))
    try:
        js = await platform.nats.jetstream()
        cluster = (await js.stream_info(platform.settings.journal_stream)).cluster
    finally:
        await platform.close()
    assert cluster and cluster.leader and cluster.replicas and len(cluster.replicas) == 2
    async with await loaded(release, "three", steady=STEADY, **GATEWAY) as load:
        await acknowledged(load, AFTER_ORDERS)
        at = time.monotonic()
        release.kubectl("delete", "pod", cluster.leader, "--grace-period=0", "--force", "--wait=false")
        await acknowledged(load, AFTER_ORDERS)
        await asyncio.to_thread(release.wait_ready)
        await load.stop()
        silence = refused_s(load.placed_at, Kill((cluster.leader,), 1, at, time.monotonic() - at))
        figures = await check_invariants(release, load)
    add_figure(f"one of three NATS servers killed: no order acknowledged for {silence:.2f} s; {figures}")


def test_deleting_volumes_and_namespace_removes_everything(release: Release) -> None:
    release.remove()
