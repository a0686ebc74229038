"""A live feed and the real exchange: the provider is on this machine and speaks its own protocol; the
servers, the engine and the daemon that follows are the real ones."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from cift.feeds import sample
from cift.kernel.ids import uuid7
from tests.feeds import alpaca_server, massive_server
from tests.feeds.alpaca_server import AlpacaServer
from tests.feeds.massive_server import MassiveServer
from tests.feeds.provider import repeating
from tests.stack import Stack, User
from tests.target import DEADLINE_S

MARKET, TRADING = "/api/v1/market-data", "/api/v1/trading"
UNTIL_TIMEOUT_S = 60.0


@contextlib.asynccontextmanager
async def exchange(folder: Path, **settings: str) -> AsyncIterator[Stack]:
    """An exchange that follows a provider in this process, so nothing here may block the loop."""
    stack = await asyncio.to_thread(lambda: Stack.start(folder, market_hours="always", **settings))
    try:
        yield stack
    finally:
        await asyncio.to_thread(stack.stop)


class Person:
    """A user of the exchange, over HTTP."""

    def __init__(self, stack: Stack, user: User) -> None:
        self.http = httpx.AsyncClient(base_url=stack.url, headers=user.key, timeout=DEADLINE_S)
        self.market_metrics = f"http://{stack.run_file['market_metrics']}/metrics"

    async def quote(self, symbol: str = "SPY") -> dict[str, Any]:
        answer = await self.http.get(f"{MARKET}/quote/{symbol}")
        found: dict[str, Any] = answer.json()
        return found

    async def place(self, **order: str) -> dict[str, Any]:
        body = {"symbol": "SPY", "type": "market", "client_order_id": uuid7(), **order}
        answer = await self.http.post(f"{TRADING}/orders", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def order(self, placed: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"{TRADING}/orders/{placed['id']}")).json()
        return found

    async def metric(self, name: str) -> float:
        """A series of the market's process, by its name and labels."""
        text = (await self.http.get(self.market_metrics)).text
        found = [line for line in text.splitlines() if line.startswith(name + " ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


async def until(ask: Callable[[], Any], what: str) -> Any:
    try:
        async with asyncio.timeout(UNTIL_TIMEOUT_S):
            while not (found := await ask()):
                await asyncio.sleep(0.1)
            return found
    except TimeoutError:
        raise AssertionError(f"not within {UNTIL_TIMEOUT_S:g} s: {what}") from None


async def test_a_user_trades_at_alpacas_quotes_and_silence_withdraws_them(tmp_path: Path) -> None:
    async with AlpacaServer() as server:
        server.page_rows = 100
        settings = {
            "market": "alpaca",
            "alpaca_key": alpaca_server.KEY,
            "alpaca_secret": alpaca_server.SECRET,
            "alpaca_url": server.url,
            "alpaca_rest_url": server.rest_url,
            "symbols": "SPY,QQQ",
            "clickhouse_url": f"chdb://{tmp_path / 'data' / 'clickhouse'}",
        }

        async def speak() -> None:
            await server.say(
                alpaca_server.quote("SPY", 500.01, 500.03, 300), alpaca_server.quote("QQQ", 430.0, 430.1)
            )

        async with repeating(speak), exchange(tmp_path / "data", **settings) as stack:
            person = Person(stack, await asyncio.to_thread(stack.new_user))

            async def quoted() -> bool:
                return (await person.quote())["ask"] is not None

            await until(quoted, "SPY is quoted")
            seen = await person.quote()
            assert (Decimal(seen["bid"]), Decimal(seen["ask"])) == (Decimal("500.01"), Decimal("500.03"))
            bought = await person.place(side="buy", quantity="10")
            assert bought["status"] == "filled"
            assert Decimal(bought["average_fill_price"]) == Decimal("500.03"), "filled at the provider's ask"

            resting = await person.place(side="buy", quantity="5", type="limit", limit_price="500.02")
            assert resting["status"] == "new"
            await server.say(alpaca_server.trade("SPY", 1, 500.02, 50))

            async def filled() -> bool:
                return bool((await person.order(resting))["status"] == "filled")

            await until(filled, "a print of the provider fills an order that rests inside its quote")
            assert await person.metric('cift_feed_connected{feed="alpaca"}') == 1
            assert await person.metric('cift_feed_told_total{feed="alpaca"}') > 2

            async def archived() -> bool:
                asked = {"kind": "trades", "feed": "alpaca"}
                answer = await person.http.get(f"{MARKET}/history/SPY", params=asked)
                return answer.status_code == 200 and "500.02" in answer.text

            await until(archived, "the print is in the history, which the engine had no part in")

            await server.drop()
            await server.subscribed()
            await until(quoted, "the feed comes back after the connection broke")
            assert await person.metric('cift_feed_connections_total{feed="alpaca",outcome="lost"}') == 1

        async with exchange(tmp_path / "data", **settings) as stack:  # the same journal
            person = Person(stack, await asyncio.to_thread(stack.new_user))
            async with repeating(speak):
                await until(quoted_by(person), "the feed is followed again after a restart")

            async def withdrawn() -> bool:
                found = await person.quote()
                return found["bid"] is None and found["ask"] is None

            await until(withdrawn, "five silent seconds withdraw the quotes")

            async def stale() -> bool:
                return await person.metric('cift_feed_silent{feed="alpaca"}') == 1

            await until(stale, "the silence shows")
            refused = await person.http.post(
                f"{TRADING}/orders",
                json={"symbol": "SPY", "type": "market", "side": "buy", "quantity": "1"},
            )
            assert refused.status_code != 201 or refused.json()["filled_quantity"] in ("0", 0), (
                "no free money"
            )
            log = stack.log("market")
        assert "silent for 5 s" in log
        assert alpaca_server.SECRET not in log and alpaca_server.KEY not in log


def quoted_by(person: Person) -> Callable[[], Any]:
    async def quoted() -> bool:
        return (await person.quote())["ask"] is not None

    return quoted


async def test_a_user_trades_at_massives_quotes(tmp_path: Path) -> None:
    async with MassiveServer() as server:
        number = 0

        async def speak() -> None:
            nonlocal number
            number += 1
            await server.say(massive_server.quote("SPY", number, 600.1, 600.2, 200))

        settings = {
            "market": "massive",
            "massive_key": massive_server.KEY,
            "massive_url": server.url,
            "massive_rest_url": server.rest_url,
            "symbols": "SPY",
        }
        async with repeating(speak), exchange(tmp_path / "data", **settings) as stack:
            person = Person(stack, await asyncio.to_thread(stack.new_user))
            await until(quoted_by(person), "SPY is quoted")
            sold = await person.place(side="buy", quantity="3")
            assert (sold["status"], Decimal(sold["average_fill_price"])) == ("filled", Decimal("600.2"))
            log = stack.log("market")
        assert massive_server.KEY not in log


async def test_a_wrong_key_leaves_an_exchange_that_says_so_once(tmp_path: Path) -> None:
    async with AlpacaServer() as server:
        settings = {
            "market": "alpaca",
            "alpaca_key": alpaca_server.KEY,
            "alpaca_secret": "not-the-secret",
            "alpaca_url": server.url,
            "alpaca_rest_url": server.rest_url,
        }
        async with exchange(tmp_path / "data", **settings) as stack:
            person = Person(stack, await asyncio.to_thread(stack.new_user))
            assert (await person.http.get("/health")).status_code == 200

            async def refused() -> bool:
                return "auth failed (402)" in stack.log("market")

            await until(refused, "the feed reports that the key is wrong")
            log = stack.log("market")
        assert log.count("auth failed (402)") == 1 and "not-the-secret" not in log
        assert server.attempts == 1


def test_a_missing_key_is_told_before_anything_starts(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "data", wait=False, market="alpaca")
    assert stack.process.wait(DEADLINE_S) != 0
    assert "CIFT_ALPACA_KEY is not set" in stack.printed


async def test_a_whole_day_is_replayed_as_fast_as_the_engine_takes_it(tmp_path: Path) -> None:
    settings = {"market": "replay", "speed": "max", "replay_loops": "1", "symbols": "SPY"}
    async with exchange(tmp_path / "data", **settings) as stack:

        async def ended() -> bool:
            return "replay: it has ended" in stack.log("market")

        await until(ended, "the day ends")
        person = Person(stack, await asyncio.to_thread(stack.new_user))
        last = await person.quote()
        closing = next(tape for tape in sample.read() if tape.symbol == "SPY").prints[-1]
        assert Decimal(last["last"]) * 100 == closing.price, "the last print of that day"
