"""kill -9 of matchd, nats-server, PostgreSQL, Valkey or the functions, at any moment under load: no
acknowledged order is lost, none happens twice, none of the doubtful ones is answered wrongly, and everything
heals by itself.

Real processes under the real supervisor, over HTTP only; the stores are looked at afterwards. The moments are
drawn from CIFT_FAULT_SEED, but what they hit is up to the machine: a failure is not replayed by its seed
alone. CIFT_FAULT_ROUNDS=200 makes a soak.

Known limit: a SIGKILL takes the process and not the power; what the operating system had not written yet
survives it. That a record is synced before it is acknowledged is nats-server's `sync_interval: always`.
"""

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from cift.run.servers import free_port
from tests.faults.aftermath import all_is_well
from tests.faults.conftest import ROUNDS, SEED
from tests.faults.killer import ready, torment
from tests.faults.loads import loaded, report
from tests.faults.traders import Load
from tests.stack import Stack, eventually

EVERYTHING = ("matchd", "nats-server", "postgres", "valkey-server", "functions")


async def kill_under_load(
    stack: Stack, name: str, victims: tuple[str, ...], tell: Callable[[str], None], **more: Any
) -> Load:
    together = more.pop("together", False)
    rng = random.Random(f"killer:{name}:{SEED}")
    async with await loaded(stack, name, **more) as load:
        kills = await torment(stack, load, victims, ROUNDS, rng, together=together)
        await load.stop()
        await ready(stack)
        tell(report(f"kill -9 {name}", load, kills, await all_is_well(stack, load)))
    return load


@pytest.mark.parametrize("victim", ["matchd", "nats-server", "functions"])
async def test_nothing_is_lost_or_doubled_when_it_is_killed(
    tormented: Stack, victim: str, tell: Callable[[str], None]
) -> None:
    await kill_under_load(tormented, victim.partition("-")[0], (victim,), tell)


async def test_what_was_journaled_and_never_answered_is_settled_once(
    tmp_path_factory: pytest.TempPathFactory, tell: Callable[[str], None]
) -> None:
    """Every matchd dies at its 60th record, written and not yet acknowledged; then the whole exchange is
    stopped and started without that, and the traders ask again."""
    folder, port = tmp_path_factory.mktemp("unanswered") / "data", free_port()
    with Stack.start(folder, port=port, crash_at="after_publish_before_ack:60") as stack:
        async with await loaded(stack, "unanswered", resend_chance=0.0, only_orders=True) as load:

            def dead() -> int:
                return stack.said.count("matchd ended unasked (SIGABRT)")

            deadline = asyncio.get_running_loop().time() + 60 + 10 * ROUNDS
            while dead() < ROUNDS:
                assert asyncio.get_running_loop().time() < deadline, f"{dead()} deaths: {load.counts}"
                await asyncio.sleep(0.02)
            await load.stop()
            assert stack.stop() == 0
            with Stack.start(folder, port=port) as again:
                figures = await all_is_well(again, load, stood_min=1)
            tell(report(f"matchd dead {ROUNDS} times between journal and answer", load, [], figures))


async def test_orders_are_never_in_doubt_when_postgres_is_killed(
    tormented: Stack, tell: Callable[[str], None]
) -> None:
    load = await kill_under_load(tormented, "postgres", ("postgres",), tell)
    in_doubt = {what: n for what, n in load.counts.items() if "outcome_unknown" in what or what == "place 0"}
    assert not in_doubt, f"the journal was there all the time, but: {in_doubt}"


async def test_everything_is_answered_when_valkey_is_killed(
    tormented: Stack, tell: Callable[[str], None]
) -> None:
    load = await kill_under_load(tormented, "valkey", ("valkey-server",), tell)
    unanswered = {what: n for what, n in load.counts.items() if what.split()[1] in ("0", "503")}
    assert not unanswered, f"Valkey may vanish at any time, but: {unanswered}"


async def test_nothing_is_lost_or_doubled_when_any_of_them_are_killed_together(
    tormented: Stack, tell: Callable[[str], None]
) -> None:
    await kill_under_load(tormented, "together", EVERYTHING, tell, together=True)


async def test_the_replayed_market_heals_with_everything_else(
    tmp_path_factory: pytest.TempPathFactory, tell: Callable[[str], None]
) -> None:
    folder = tmp_path_factory.mktemp("living") / "data"
    with Stack.start(folder, market="replay", speed="4") as stack:

        def prints(but: str = "") -> dict[str, Any] | None:
            with httpx.Client(base_url=f"{stack.url}/api/v1/market-data", timeout=5) as http:
                trades = http.get("/trades/SPY", params={"source": "outside", "limit": 1}).json()["items"]
            return trades[0] if trades and trades[0]["id"] != but else None

        price = Decimal(eventually(prints, "SPY trades", 40)["price"])
        await kill_under_load(
            stack,
            "living",
            ("matchd", "nats-server", "postgres", "functions"),
            tell,
            symbol="SPY",
            price=price,
        )
        stands = eventually(prints, "SPY's last print")["id"]
        eventually(lambda: prints(stands), "the market goes on by itself", 40)
