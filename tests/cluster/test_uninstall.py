"""helm uninstall leaves the data: volumes, Secrets, accounts. Installed again, everything is there. And where
the stores' volumes are gone too, a backup brings everything back: upon three servers of NATS, where there was
one, and behind TLS."""

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
from tests.cluster.release import NAME, NAMESPACE, Release
from tests.faults.aftermath import all_is_well
from tests.faults.killer import Kill, refused_s
from tests.faults.loads import STEADY, loaded, new_symbol
from tests.faults.traders import GATEWAY, Load
from tests.target import PASSWORD, User, eventually

STORES = {f"data-{NAME}-postgres-0", f"data-{NAME}-nats-0"}
CLAIMS = {*STORES, f"{NAME}-backup"}
QUIET = ("matchd.replicas=0", "relay.enabled=false", "operator.enabled=false", "market.source=none")
"""Nothing writes to the stores (k8s/README.md)."""
THREE, TLS = "nats.replicas=3", "gateway.tls.secretName=cift-gateway-tls"
ANALYTICS = "clickhouse.enabled=true"
TRADED, ARCHIVED_TIMEOUT_S = "RESTORED", 120.0
AFTER_ORDERS, AGAIN_TIMEOUT_S = 50, 60.0
API = "/api/v1/trading"


async def acknowledged(load: Load, orders: int) -> None:
    """Until so many more are."""
    wanted, deadline = len(load.placed_at) + orders, time.monotonic() + AGAIN_TIMEOUT_S
    while len(load.placed_at) < wanted:
        assert time.monotonic() < deadline, f"no order is acknowledged: {load.counts}"
        await asyncio.sleep(0.05)


def deposit(http: httpx.Client, user: User, amount: str) -> None:
    answer = http.post(f"{API}/account/deposit", json={"amount": amount}, headers=user.key)
    assert answer.status_code == 201, answer.text


def test_the_data_stays(release: Release, tell: Callable[[str], None]) -> None:
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
    tell(f"helm install upon the data of before: {release.install():.1f} s to everything ready")
    with httpx.Client(base_url=release.url, timeout=60) as http:
        login = http.post("/api/v1/auth/login", json={"username": user.username, "password": PASSWORD})
        assert login.status_code == 200, login.text
        portfolio = http.get(f"{API}/portfolio", headers=user.key)
        assert portfolio.status_code == 200, portfolio.text
        assert portfolio.json()["cash"] == "100077.5"


@pytest.fixture(scope="module")
def trusting() -> Iterator[Callable[[Path], None]]:
    """Has this process's HTTP clients trust a certificate until the end of these tests."""
    with pytest.MonkeyPatch.context() as changed:
        yield lambda certificate: changed.setenv("SSL_CERT_FILE", str(certificate))


def test_a_backup_brings_it_back(
    release: Release, trusting: Callable[[Path], None], tell: Callable[[str], None]
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
        deposit(http, user, "5")  # after the backup: it is not in it
    release.uninstall()
    release.kubectl("delete", "pvc", *STORES, "--wait=true", "--timeout=120s")
    began = time.monotonic()
    release.place(*QUIET, THREE, f"backup.volume.existingClaim={NAME}-backup")
    told = release.job(f"{NAME}-restore", "restore")
    trusting(release.certify(TLS.partition("=")[2]))
    release.upgrade(THREE, TLS, ANALYTICS)
    release.wait_ready()
    assert release.url.startswith("https://")
    tell(
        f"backup as a pod {took:.1f} s ({made.strip().splitlines()[-1]}); installed into empty stores,"
        f" restored and trading after {time.monotonic() - began:.1f} s ({told.strip().splitlines()[-1]})"
    )
    release.settled()
    with httpx.Client(base_url=release.url, timeout=60) as http:
        after = http.get(f"{API}/transactions", headers=user.key)
        assert (after.status_code, after.json()) == (200, before), after.text
        deposit(http, user, "2")
        assert http.get(f"{API}/portfolio", headers=user.key).json()["cash"] == "100003.25"


def test_analytics_are_filled_of_the_restored_journal(release: Release, tell: Callable[[str], None]) -> None:
    """ClickHouse is new, and the journal is older: what traded before the backup is asked of it."""
    with httpx.Client(base_url=f"{release.url}/api/v1", timeout=60) as http:

        def asked(path: str, **given: str) -> httpx.Response:
            answer = http.get(f"{path}/{TRADED}", params=given)
            assert answer.status_code in (200, 503), answer.text
            return answer

        began = time.monotonic()
        eventually(
            lambda: asked("analytics/volume-profile").json().get("items"),
            "the trade of before the backup is in ClickHouse",
            ARCHIVED_TIMEOUT_S,
            1,
        )
        took = time.monotonic() - began
        (band,) = asked("analytics/volume-profile").json()["items"]
        assert band == {"price": "100", "volume": "7", "trades": 1}
        (bar,) = asked("market-data/bars", interval="5m").json()["items"]
        assert (bar["close"], bar["volume"], bar["vwap"], bar["trades"]) == ("100", "7", "100", 1)
        history = asked("market-data/history", format="parquet")
        assert pl.read_parquet(io.BytesIO(history.content))["quantity"].to_list() == [Decimal(7)]
    tell(f"analytics in the cluster have the restored journal's trades: asked of from zero in {took:.1f} s")


async def test_one_of_three_servers_is_lost(release: Release, tell: Callable[[str], None]) -> None:
    """The one that the journal's records go through."""
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
        figures = await all_is_well(release, load)
    tell(f"one of three servers of NATS killed: no order acknowledged for {silence:.2f} s; {figures}")


def test_unless_told(release: Release) -> None:
    """Deleting the namespace is telling."""
    release.uninstall()
    release.kubectl("delete", "pvc", "--all", "--wait=true", "--timeout=120s")
    assert release.get("pvc")["items"] == []
    release.cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=110s")
