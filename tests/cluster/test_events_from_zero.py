"""Event functions scaled to zero: relay starts them and delivers in order, once. Without their store they lag
and lose nothing."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from cift.kernel.ids import uuid7
from cift.kernel.money import NANOS
from cift.rebuild import rebuild
from tests.cluster.projectors import HANDLERS, caught_up, scale_to_zero_allowed
from tests.cluster.release import NAME, Release
from tests.target import User, eventually
from tests.venue import Venue

ORDERS = 40
DOWN_S = 60.0
DEAD_LETTERS = "DLQ"


@pytest.fixture(scope="module")
def scaled_to_zero(release: Release) -> Iterator[None]:
    """Lets the projectors scale to zero too."""
    with scale_to_zero_allowed(release):
        yield


def relay_metric(release: Release, name: str, function: str) -> float:
    (pod,) = release.pods("relay")
    text = httpx.get(f"http://{pod['status']['podIP']}:9102/metrics", timeout=5).text
    for line in text.splitlines():
        found, _, value = line.rpartition(" ")
        if found.startswith(f"{name}{{") and f'function="{function}"' in found:
            return float(value)
    raise KeyError(f"{name} of {function}")


@pytest.mark.usefixtures("scaled_to_zero")
async def test_relay_starts_projectors_and_delivers_in_order_once(
    release: Release, venue: Venue, user: User, add_figure: Callable[[str], None]
) -> None:
    symbol = await venue.instrument()
    await caught_up(venue.platform)
    for name in HANDLERS:
        await asyncio.to_thread(release.no_pods, name, 300)
    began = time.monotonic()
    placed = [await venue.order(user, symbol, quantity="1") for _ in range(ORDERS)]
    accepted = time.monotonic() - began
    await caught_up(venue.platform)
    add_figure(
        f"{ORDERS} orders placed with all projectors scaled to zero: acknowledged within {accepted:.2f} s,"
        f" all projected {time.monotonic() - began:.2f} s after the first"
    )
    rows = await venue.platform.database.fetch(
        "SELECT id, count(*) OVER () AS all FROM orders WHERE account_id = $1 ORDER BY created_at, id",
        user.account_id,
    )
    assert [str(row["id"]) for row in rows] == [order["id"] for order in placed], "in order, each once"
    # In order and once: the read model equals the one rebuilt from the journal's first record.
    for done in await rebuild(release.settings(nats_url=release.journal_url)):
        assert done.compared and not done.differing, f"{done.projector} differs after a rebuild: {done}"


@pytest.mark.usefixtures("scaled_to_zero")
async def test_projectors_without_postgres_lag_and_lose_nothing(
    release: Release, venue: Venue, add_figure: Callable[[str], None]
) -> None:
    await caught_up(venue.platform)
    release.kubectl("scale", "statefulset", f"{NAME}-postgres", "--replicas=0")
    account = uuid7()
    try:
        await asyncio.to_thread(
            eventually, lambda: not release.pods("postgres", leaving=True), "PostgreSQL is gone", 90, 0.5
        )
        await venue.command(
            type="open_account", account=account, kind="cash", role="customer", currency="USD"
        )
        deadline, sent = time.monotonic() + DOWN_S, 0
        while time.monotonic() < deadline:
            sent += 1
            await venue.command(
                type="deposit",
                account=account,
                transfer=uuid7(),
                amount=NANOS,
                idempotency_key=f"down-{sent}",
            )
            await asyncio.sleep(0.5)
        lags = {each: relay_metric(release, "relay_lag_messages", each) for each in HANDLERS.values()}
        alarms = {each: relay_metric(release, "relay_alarm", each) for each in HANDLERS.values()}
        assert all(lag > 0 for lag in lags.values()), f"not all lag: {lags}"
        assert all(alarms.values()), f"not all raise an alarm: {alarms}"
        assert all(relay_metric(release, "relay_stopped", each) == 0 for each in HANDLERS.values())
    finally:
        release.kubectl("scale", "statefulset", f"{NAME}-postgres", "--replicas=1")
    began = time.monotonic()
    await asyncio.to_thread(release.wait_ready)
    await caught_up(venue.platform)
    add_figure(
        f"PostgreSQL down for {DOWN_S:.0f} s: lag of {max(lags.values()):.0f} records and an alarm, no dead"
        f" letter; caught up {time.monotonic() - began:.1f} s after its restart"
    )
    cash = await venue.platform.database.fetchval("SELECT cash FROM accounts WHERE id = $1", account)
    assert cash == sent
    assert all(relay_metric(release, "relay_poison_total", each) == 0 for each in HANDLERS.values())
    eventually(
        lambda: all(relay_metric(release, "relay_alarm", each) == 0 for each in HANDLERS.values()),
        "the alarm has ended",
        60,
    )
