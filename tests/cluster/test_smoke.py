"""The release in a few minutes: `make test-smoke`, a stage of .ci/run.

Each part of a release is used once: install, a function that scales from zero, an order through the gateway,
a TradingAccount, an event handler that scales from zero, a killed leader, uninstall. The other files of this
folder (`make test-cluster`) check each part in depth. They need other values than SMOKE_VALUES.
"""

import asyncio
import time
from collections.abc import Callable

import httpx

from cift.platform.postgres import Database
from tests.cluster.machine import TestCluster
from tests.cluster.projectors import caught_up
from tests.cluster.release import Release
from tests.cluster.test_accounts import trade_with_the_example
from tests.cluster.test_engine import killed, one_change_of_leader
from tests.target import User
from tests.venue import TRADING, Venue

HANDLER = "trading-project-journal"
"""The function that projects the journal. In this test it may scale to zero."""
SMOKE_VALUES = (f"functions.{HANDLER}.scale.min=0", "knative.window=6s")
RESPONSE_TIMEOUT_S = 90.0


def test_installs(bare: Release, add_figure: Callable[[str], None]) -> None:
    assert not bare.status, "a release is installed already: uninstall it first"
    add_figure(f"helm install to everything ready: {bare.install():.1f} s")


def test_the_first_call_starts_a_function(release: Release, add_figure: Callable[[str], None]) -> None:
    release.no_pods("platform-index")
    began = time.monotonic()
    response = httpx.get(f"{release.url}/api/v1", timeout=RESPONSE_TIMEOUT_S)
    assert response.status_code == 200, response.text
    assert response.headers["x-cift-origin"] == "platform.index"
    add_figure(f"a function responded from zero in {time.monotonic() - began:.2f} s")


async def test_an_order_passes_the_gateway(venue: Venue, user: User) -> None:
    symbol = await venue.instrument()
    order = await venue.order(user, symbol, quantity="5", limit_price="99.5")
    await venue.market(venue.user(), symbol, "sell", "2")
    response = await venue.http.get(f"{TRADING}/orders/{order['id']}", headers=user.key)
    assert (response.status_code, response.json()["filled_quantity"]) == (200, "2"), response.text


async def test_functions_share_connections_to_postgresql(
    release: Release, venue: Venue, add_figure: Callable[[str], None]
) -> None:
    """60 clients of the pooler, each with prepared statements inside and outside of transactions."""
    await venue.http.get(f"{TRADING}/orders", headers=venue.user().key)
    settings = release.settings(postgres_pooler=release.address("cift-pooler"), postgres_pool_max=1)
    clients = [Database(settings, venue.platform.engine, venue.platform.nats) for _ in range(60)]

    async def read(database: Database) -> None:
        assert await database.fetchval("SELECT $1::int + 1", 41) == 42
        async with database.read() as c:
            assert await c.fetchval("SELECT current_user || $1::text", "!") == "cift_function!"

    try:
        for each in clients:
            await read(each)
        await asyncio.gather(*(read(each) for each in clients))
        rows = await venue.platform.database.fetch(
            "SELECT host(client_addr) AS address, count(*) AS n FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND client_addr IS NOT NULL GROUP BY 1"
        )
    finally:
        await asyncio.gather(*(each.close() for each in clients))
    opened = {row["address"]: row["n"] for row in rows}
    named = {pod["status"].get("podIP"): pod["metadata"]["labels"] for pod in release.pods()}
    by_pod = {
        named[address]["app.kubernetes.io/name"]: n for address, n in opened.items() if address in named
    }
    assert set(by_pod) <= {"pooler", "operator", "backup", "migrate"}, by_pod
    assert 0 < by_pod["pooler"] <= 40
    add_figure(f"60 clients of the pooler used {by_pod['pooler']} connections to PostgreSQL")


async def test_an_account_of_kubectl_trades(
    release: Release, venue: Venue, namespace: str, add_figure: Callable[[str], None]
) -> None:
    await trade_with_the_example(release, venue, namespace, add_figure)


async def test_an_event_starts_its_handler(
    release: Release, venue: Venue, add_figure: Callable[[str], None]
) -> None:
    await caught_up(venue.platform)
    await asyncio.to_thread(release.no_pods, HANDLER)
    began = time.monotonic()
    await venue.instrument()
    await caught_up(venue.platform)
    add_figure(f"an event was projected from zero after {time.monotonic() - began:.2f} s")


async def test_a_killed_engine_loses_no_order(
    release: Release, faults: TestCluster, add_figure: Callable[[str], None]
) -> None:
    await one_change_of_leader(release, faults, killed, add_figure)


def test_uninstalls(release: Release) -> None:
    release.remove()
