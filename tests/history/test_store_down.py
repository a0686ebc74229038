"""While the analytics store is down, consumer lag grows; nothing is lost, and orders are accepted."""

from pathlib import Path

import httpx
import pytest

from cift.platform.stores import Platform
from cift.run.servers import free_port
from tests.history.test_archive_and_query import DAY, FEED, items, publish
from tests.stack import Stack, eventually
from tests.target import DEADLINE_S
from tests.venue import MARKET, refusal

NANOS = 10**9
OWN = {
    "type": "define_instrument",
    "symbol": "DOWN",
    "currency": "USD",
    "tick": NANOS // 100,
    "lot": NANOS,
    "band_ppm": 100_000,
    "collar_ppm": 20_000,
}


def failures(stack: Stack, function: str) -> float:
    """How often a handler failed and was retried, from the metrics."""
    text = httpx.get(f"http://{stack.run_file['events_metrics']}/metrics", timeout=DEADLINE_S).text
    name = f'cift_projector_failures_total{{function="history.{function}"}}'
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_events_during_the_outage_are_archived_afterwards(folder: Path) -> None:
    unreachable = f"http://127.0.0.1:{free_port()}"
    with Stack.start(folder, clickhouse_url=unreachable) as stack:
        platform = Platform(stack.settings(clickhouse_url=unreachable))
        await platform.engine.submit(OWN)
        await publish(platform, "LATE", 20_000)
        await platform.close()
        one, two = stack.new_user(), stack.new_user()
        for user, side in ((one, "sell"), (two, "buy")):
            body = {"symbol": "DOWN", "side": side, "type": "limit", "quantity": "3", "limit_price": "12.5"}
            async with httpx.AsyncClient(base_url=stack.url, headers=user.key, timeout=DEADLINE_S) as client:
                response = await client.post("/api/v1/trading/orders", json=body)
            assert response.status_code == 201, response.text
        assert response.json()["status"] == "filled"
        refusal(
            httpx.get(f"{stack.url}{MARKET}/bars/DOWN", timeout=DEADLINE_S),  # noqa: ASYNC210
            503,
            "analytics_unavailable",
        )
        for handler in ("archive_ticks", "archive_executions"):
            eventually(lambda name=handler: failures(stack, name) > 1, f"{handler} is retried")
        assert stack.stop() == 0
    with Stack.start(folder, clickhouse_url=f"chdb://{folder}/clickhouse") as stack:

        def arrived() -> bool:
            late = items(stack, "bars/LATE", interval="1d", **DAY)
            return bool(late) and late[0]["trades"] == 20_000

        eventually(arrived, "the ticks of the outage are archived", 90)
        (bar,) = eventually(
            lambda: items(stack, "bars/DOWN", interval="1d"), "the trade of the outage is archived"
        )
        assert (bar["close"], bar["volume"]) == ("12.5", "3")
        assert items(stack, "bars/LATE", interval="1d", **{**DAY, "feed": FEED})[0]["trades"] == 20_000
