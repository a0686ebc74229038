"""SIGKILL of matchd, nats-server, PostgreSQL, Valkey, relay or the functions at any moment under load.

No acknowledged order is lost, no order is applied twice, doubtful requests are settled correctly, and the
exchange recovers without help.

The tests use real processes under the real supervisor, over HTTP only, and check the stores afterwards. The
moments are drawn from CIFT_FAULT_SEED; what they hit depends on the machine, so a seed alone does not
reproduce a failure. CIFT_FAULT_ROUNDS=200 makes a soak test.

Known limit: SIGKILL ends the process, and data that the operating system has not written yet survives it.
nats-server's `sync_interval: always` ensures that a record is on disk before it is acknowledged.
"""

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from cift.run.servers import free_port
from tests.faults.aftermath import check_invariants
from tests.faults.conftest import ROUNDS, SEED
from tests.faults.killer import kill_repeatedly, ready
from tests.faults.loads import loaded, report
from tests.faults.traders import Load
from tests.stack import Stack, eventually
from tests.target import DEADLINE_S

EVERYTHING = ("matchd", "nats-server", "postgres", "valkey-server", "functions", "events", "relay")


async def kill_under_load(
    stack: Stack, name: str, victims: tuple[str, ...], add_figures: Callable[[str], None], **more: Any
) -> Load:
    together = more.pop("together", False)
    rng = random.Random(f"killer:{name}:{SEED}")
    async with await loaded(stack, name, **more) as load:
        kills = await kill_repeatedly(stack, load, victims, ROUNDS, rng, together=together)
        await load.stop()
        await ready(stack)
        add_figures(report(f"kill -9 {name}", load, kills, await check_invariants(stack, load)))
    return load


@pytest.mark.parametrize("victim", ["matchd", "nats-server", "functions"])
async def test_no_order_is_lost_or_doubled_when_it_is_killed(
    fault_exchange: Stack, victim: str, add_figures: Callable[[str], None]
) -> None:
    await kill_under_load(fault_exchange, victim.partition("-")[0], (victim,), add_figures)


async def test_an_order_that_is_in_the_journal_and_was_not_answered_is_settled_once(
    tmp_path_factory: pytest.TempPathFactory, add_figures: Callable[[str], None]
) -> None:
    """Every matchd aborts at its 60th record, which is written and not acknowledged. Then the exchange is
    restarted without the abort, and the traders send their requests again."""
    folder, port = tmp_path_factory.mktemp("unanswered") / "data", free_port()
    with Stack.start(folder, port=port, crash_at="after_publish_before_ack:60") as stack:
        async with await loaded(stack, "unanswered", resend_chance=0.0, only_orders=True) as load:

            def aborts() -> int:
                return stack.printed.count("matchd ended unexpectedly (SIGABRT)")

            deadline = asyncio.get_running_loop().time() + 60 + 10 * ROUNDS
            while aborts() < ROUNDS:
                assert asyncio.get_running_loop().time() < deadline, f"{aborts()} aborts: {load.counts}"
                await asyncio.sleep(0.02)
            await load.stop()
            assert stack.stop() == 0
            with Stack.start(folder, port=port) as again:
                figures = await check_invariants(again, load, existed_min=1)
            add_figures(
                report(f"matchd aborted {ROUNDS} times between journal and answer", load, [], figures)
            )


async def test_order_outcomes_are_known_when_postgres_is_killed(
    fault_exchange: Stack, add_figures: Callable[[str], None]
) -> None:
    load = await kill_under_load(fault_exchange, "postgres", ("postgres",), add_figures)
    in_doubt = {what: n for what, n in load.counts.items() if "outcome_unknown" in what or what == "place 0"}
    assert not in_doubt, f"orders do not need PostgreSQL, but: {in_doubt}"


async def test_every_request_is_answered_when_valkey_is_killed(
    fault_exchange: Stack, add_figures: Callable[[str], None]
) -> None:
    load = await kill_under_load(fault_exchange, "valkey", ("valkey-server",), add_figures)
    unanswered = {what: n for what, n in load.counts.items() if what.split()[1] in ("0", "503")}
    assert not unanswered, f"no request needs Valkey, but: {unanswered}"


async def test_no_order_is_lost_or_doubled_when_several_are_killed_together(
    fault_exchange: Stack, add_figures: Callable[[str], None]
) -> None:
    await kill_under_load(fault_exchange, "together", EVERYTHING, add_figures, together=True)


async def test_the_replayed_market_recovers_too(
    tmp_path_factory: pytest.TempPathFactory, add_figures: Callable[[str], None]
) -> None:
    folder = tmp_path_factory.mktemp("replay") / "data"
    with Stack.start(folder, market="replay", speed="4") as stack:

        def latest_print(other_than: str = "") -> dict[str, Any] | None:
            with httpx.Client(base_url=f"{stack.url}/api/v1/market-data", timeout=DEADLINE_S) as http:
                trades = http.get("/trades/SPY", params={"source": "outside", "limit": 1}).json()["items"]
            return trades[0] if trades and trades[0]["id"] != other_than else None

        price = Decimal(eventually(latest_print, "SPY trades")["price"])
        await kill_under_load(
            stack,
            "replay",
            ("matchd", "nats-server", "postgres", "functions", "events", "relay"),
            add_figures,
            symbol="SPY",
            price=price,
        )
        last = eventually(latest_print, "SPY's last print")["id"]
        eventually(lambda: latest_print(last), "the market prints again")
