"""Live feeds and the real exchange: the provider is a local server with the provider's protocol; servers,
engine and feed daemon are real."""

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
from tests.target import DEADLINE_S, until

MARKET, TRADING = "/api/v1/market-data", "/api/v1/trading"


@contextlib.asynccontextmanager
async def exchange(folder: Path, **settings: str) -> AsyncIterator[Stack]:
    """An exchange whose provider runs in this process, so nothing here may block the event loop."""
    stack = await asyncio.to_thread(lambda: Stack.start(folder, market_hours="always", **settings))
    try:
        yield stack
    finally:
        await asyncio.to_thread(stack.stop)


class Customer:
    """A user of the exchange, over HTTP."""

    def __init__(self, stack: Stack, user: User) -> None:
        self.http = httpx.AsyncClient(base_url=stack.url, headers=user.key, timeout=DEADLINE_S)
        self.market_metrics = f"http://{stack.run_file['market_metrics']}/metrics"

    async def quote(self, symbol: str = "SPY") -> dict[str, Any]:
        response = await self.http.get(f"{MARKET}/quote/{symbol}")
        found: dict[str, Any] = response.json()
        return found

    async def place(self, **order: str) -> dict[str, Any]:
        body = {"symbol": "SPY", "type": "market", "client_order_id": uuid7(), **order}
        response = await self.http.post(f"{TRADING}/orders", json=body)
        assert response.status_code == 201, response.text
        found: dict[str, Any] = response.json()
        return found

    async def order(self, placed: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"{TRADING}/orders/{placed['id']}")).json()
        return found

    async def metric(self, name: str) -> float:
        """A metric of the market's process, by name and labels."""
        text = (await self.http.get(self.market_metrics)).text
        found = [line for line in text.splitlines() if line.startswith(name + " ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


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

        async def publish_quotes() -> None:
            await server.publish(
                alpaca_server.quote("SPY", 500.01, 500.03, 300), alpaca_server.quote("QQQ", 430.0, 430.1)
            )

        async with repeating(publish_quotes), exchange(tmp_path / "data", **settings) as stack:
            customer = Customer(stack, await asyncio.to_thread(stack.new_user))

            async def quoted() -> bool:
                return (await customer.quote())["ask"] is not None

            await until(quoted, "SPY is quoted")
            seen = await customer.quote()
            assert (Decimal(seen["bid"]), Decimal(seen["ask"])) == (Decimal("500.01"), Decimal("500.03"))
            bought = await customer.place(side="buy", quantity="10")
            assert bought["status"] == "filled"
            assert Decimal(bought["average_fill_price"]) == Decimal("500.03"), "filled at the provider's ask"

            resting = await customer.place(side="buy", quantity="5", type="limit", limit_price="500.02")
            assert resting["status"] == "new"
            await server.publish(alpaca_server.trade("SPY", 1, 500.02, 50))

            async def filled() -> bool:
                return bool((await customer.order(resting))["status"] == "filled")

            await until(filled, "a print of the provider fills an order inside its quote")
            assert await customer.metric('cift_feed_connected{feed="alpaca"}') == 1
            assert await customer.metric('cift_feed_accepted_total{feed="alpaca"}') > 2

            async def archived() -> bool:
                query = {"kind": "trades", "feed": "alpaca"}
                response = await customer.http.get(f"{MARKET}/history/SPY", params=query)
                return response.status_code == 200 and "500.02" in response.text

            await until(archived, "the print is in the history, which does not pass the engine")

            await server.drop()
            await server.subscribed()
            await until(quoted, "the feed reconnects after a lost connection")
            assert await customer.metric('cift_feed_connections_total{feed="alpaca",outcome="lost"}') == 1

        async with exchange(tmp_path / "data", **settings) as stack:  # the same journal
            customer = Customer(stack, await asyncio.to_thread(stack.new_user))
            async with repeating(publish_quotes):
                await until(quoted_by(customer), "the feed runs again after a restart")

            async def withdrawn() -> bool:
                found = await customer.quote()
                return found["bid"] is None and found["ask"] is None

            await until(withdrawn, "five seconds of silence withdraw the quotes")

            async def stale() -> bool:
                return await customer.metric('cift_feed_silent{feed="alpaca"}') == 1

            await until(stale, "the metric shows the silence")
            refused = await customer.http.post(
                f"{TRADING}/orders",
                json={"symbol": "SPY", "type": "market", "side": "buy", "quantity": "1"},
            )
            assert refused.status_code != 201 or refused.json()["filled_quantity"] in ("0", 0), (
                "no fill at a withdrawn quote"
            )
            log = stack.log("market")
        assert "silent for 5 s" in log
        assert alpaca_server.SECRET not in log and alpaca_server.KEY not in log


def quoted_by(customer: Customer) -> Callable[[], Any]:
    async def quoted() -> bool:
        return (await customer.quote())["ask"] is not None

    return quoted


async def test_a_user_trades_at_massives_quotes(tmp_path: Path) -> None:
    async with MassiveServer() as server:
        number = 0

        async def publish_quotes() -> None:
            nonlocal number
            number += 1
            await server.publish(massive_server.quote("SPY", number, 600.1, 600.2, 200))

        settings = {
            "market": "massive",
            "massive_key": massive_server.KEY,
            "massive_url": server.url,
            "massive_rest_url": server.rest_url,
            "symbols": "SPY",
        }
        async with repeating(publish_quotes), exchange(tmp_path / "data", **settings) as stack:
            customer = Customer(stack, await asyncio.to_thread(stack.new_user))
            await until(quoted_by(customer), "SPY is quoted")
            sold = await customer.place(side="buy", quantity="3")
            assert (sold["status"], Decimal(sold["average_fill_price"])) == ("filled", Decimal("600.2"))
            log = stack.log("market")
        assert massive_server.KEY not in log


async def test_a_wrong_key_is_logged_once_and_the_exchange_runs(tmp_path: Path) -> None:
    async with AlpacaServer() as server:
        settings = {
            "market": "alpaca",
            "alpaca_key": alpaca_server.KEY,
            "alpaca_secret": "not-the-secret",
            "alpaca_url": server.url,
            "alpaca_rest_url": server.rest_url,
        }
        async with exchange(tmp_path / "data", **settings) as stack:
            customer = Customer(stack, await asyncio.to_thread(stack.new_user))
            assert (await customer.http.get("/health")).status_code == 200

            async def rejected() -> bool:
                return "auth failed (402)" in stack.log("market")

            await until(rejected, "the wrong key is logged")
            log = stack.log("market")
        assert log.count("auth failed (402)") == 1 and "not-the-secret" not in log
        assert server.attempts == 1


def test_a_missing_key_is_reported_before_anything_starts(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "data", wait=False, market="alpaca")
    assert stack.process.wait(DEADLINE_S) != 0
    assert "CIFT_ALPACA_KEY is not set" in stack.printed


async def test_a_whole_day_is_replayed_as_fast_as_the_engine_takes_it(tmp_path: Path) -> None:
    settings = {"market": "replay", "speed": "max", "replay_loops": "1", "symbols": "SPY"}
    async with exchange(tmp_path / "data", **settings) as stack:

        async def ended() -> bool:
            return "replay: the source has ended" in stack.log("market")

        await until(ended, "the day ends")
        customer = Customer(stack, await asyncio.to_thread(stack.new_user))
        last = await customer.quote()
        closing = next(day for day in sample.read() if day.symbol == "SPY").prints[-1]
        assert Decimal(last["last"]) * 100 == closing.price, "the last print of that day"
