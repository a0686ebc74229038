"""The real relay delivers the journal to real functions, each in its own process as in a pod.

The exchange delivers no events itself. Covered: start from zero, kills of relay and functions, an
unavailable database. Each record is delivered in order and once, and none goes to DLQ."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from cift.host.delivery import handler
from cift.host.loading import load_function
from cift.platform.stores import Platform
from cift.run.servers import free_port
from tests.host.alone import alone
from tests.relay.process import Relay, relay
from tests.stack import Stack, User, eventually
from tests.target import DEADLINE_S
from tests.venue import Venue

PROJECTORS = ("trading.project_journal",)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange without a relay of its own. In an earlier run it had one; the test's relay continues
    there."""
    folder: Path = tmp_path_factory.mktemp("pushed") / "data"
    with Stack.start(folder) as before:
        user = before.new_user()
        response = httpx.get(f"{before.url}/api/v1/trading/orders", headers=user.key, timeout=DEADLINE_S)
        assert response.json()["items"] == []
    with Stack.start(folder, events="no") as stack:
        yield stack


class Pods:
    """The projectors, each in its own process. None runs until `start`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.ports = {name: free_port() for name in PROJECTORS}
        self._running: dict[str, ExitStack] = {}

    def handlers(self) -> list[dict[str, object]]:
        return [handler(load_function(n), f"http://127.0.0.1:{p}/") for n, p in self.ports.items()]

    def start(self, *names: str) -> None:
        for name in names or PROJECTORS:
            context = self._running[name] = ExitStack()
            context.enter_context(alone(name, self._stack, PORT=str(self.ports[name])))

    def stop(self, *names: str) -> None:
        for name in names or tuple(self._running):
            self._running.pop(name).close()


@pytest.fixture
def pods(pushed: Stack) -> Iterator[Pods]:
    found = Pods(pushed)
    yield found
    found.stop()


async def _place(stack: Stack, user: User, symbol: str, count: int) -> list[str]:
    """Place `count` orders. Returns their ids, newest first. They need not be in the read model yet."""
    ids = []
    async with httpx.AsyncClient(base_url=stack.url, timeout=DEADLINE_S) as client:
        body = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "1", "limit_price": "100"}
        for _ in range(count):
            response = await client.post("/api/v1/trading/orders", json=body, headers=user.key)
            assert response.status_code == 201, response.text
            ids.append(response.json()["id"])
    return ids[::-1]


async def _symbol(stack: Stack) -> str:
    platform = Platform(stack.settings())
    try:
        async with httpx.AsyncClient(base_url=stack.url, timeout=DEADLINE_S) as client:
            return await Venue(stack, client, platform).instrument(None)
    finally:
        await platform.close()


def _orders(stack: Stack, user: User) -> list[str] | None:
    """Ids of the user's orders. None if the read model is behind."""
    response = httpx.get(
        f"{stack.url}/api/v1/trading/orders", params={"limit": 500}, headers=user.key, timeout=DEADLINE_S
    )
    if response.status_code == 503:
        assert response.json()["code"] == "read_model_behind", response.text
        return None
    assert response.status_code == 200, response.text
    return [order["id"] for order in response.json()["items"]]


def _dead_letters(stack: Stack) -> int:
    async def count() -> int:
        platform = Platform(stack.settings())
        try:
            return int((await (await platform.nats.jetstream()).stream_info("DLQ")).state.messages)
        finally:
            await platform.close()

    return asyncio.run(count())


def _all_delivered(running: Relay) -> None:
    for name in PROJECTORS:
        eventually(
            lambda name=name: (
                running.metrics(name)["relay_lag_messages"] == 0 and running.metrics(name)["relay_alarm"] == 0
            ),
            f"{name} has caught up:\n{running.log}",
            90.0,
        )


def test_orders_placed_without_projectors_are_projected_after_their_start(
    pushed: Stack, pods: Pods, tmp_path: Path
) -> None:
    user, symbol = pushed.new_user(), asyncio.run(_symbol(pushed))
    ids = asyncio.run(_place(pushed, user, symbol, 25))
    assert _orders(pushed, user) is None, "without projectors the function returns read_model_behind"
    with relay(pushed, pods.handlers(), tmp_path) as running:
        running.wait_for("trading.project_journal", "relay_alarm", 1)
        assert running.metrics("trading.project_journal")["relay_lag_messages"] >= 25
        pods.start()
        assert eventually(lambda: _orders(pushed, user) == ids, "all orders are read, newest first")
        _all_delivered(running)
        messages = running.metrics("trading.project_journal")["relay_messages_total"]
        # The user, his account and money, one instrument, 25 orders. The consumer was in memory, so the first
        # batch also has the few records that were projected before; the offset skips them.
        assert 25 < messages < 45, running.log
    assert _dead_letters(pushed) == 0


def test_kills_of_relay_and_functions_lose_and_repeat_nothing(
    pushed: Stack, pods: Pods, tmp_path: Path
) -> None:
    user, symbol = pushed.new_user(), asyncio.run(_symbol(pushed))
    pods.start()
    with relay(pushed, pods.handlers(), tmp_path) as running:
        ids: list[str] = []
        for round in range(4):
            ids = asyncio.run(_place(pushed, user, symbol, 15)) + ids
            if round % 2:
                pods.stop("trading.project_journal")
            else:
                running.kill()
            ids = asyncio.run(_place(pushed, user, symbol, 15)) + ids
            if round % 2:
                pods.start("trading.project_journal")
            else:
                running.restart()
        assert eventually(lambda: _orders(pushed, user) == ids, "all orders are read, newest first")
        _all_delivered(running)
    assert _dead_letters(pushed) == 0


def test_an_unavailable_database_causes_lag_and_an_alarm_but_no_dead_letters(
    pushed: Stack, pods: Pods, tmp_path: Path
) -> None:
    user, symbol = pushed.new_user(), asyncio.run(_symbol(pushed))
    pods.start()
    name = "trading.project_journal"
    with relay(pushed, pods.handlers(), tmp_path) as running:
        _all_delivered(running)

        # Kill the database, and freeze the one that the supervisor starts instead before it serves.
        frozen = pushed.restarted("postgres", pushed.kill("postgres"))
        os.kill(frozen, signal.SIGSTOP)
        try:
            for _ in range(10):  # through the engine only: functions need the database to authenticate
                asyncio.run(_symbol(pushed))
            for each in PROJECTORS:
                running.wait_for(each, "relay_alarm", 1)
            behind = running.metrics(name)["relay_lag_messages"]
            assert behind >= 10, running.log
        finally:
            os.kill(frozen, signal.SIGCONT)
        pushed.wait_ready(90)
        _all_delivered(running)
        assert running.log.count("alarm: the handler still does not work") >= 1
        ids = asyncio.run(_place(pushed, user, symbol, 3))
        assert eventually(lambda: _orders(pushed, user) == ids, "the orders are read")
        assert running.metrics(name)["relay_poison_total"] == 0
    assert _dead_letters(pushed) == 0
