"""The outside market on a real exchange: real servers, real engine, the sample's day."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cift import bootstrap
from cift.feeds import agents
from cift.feeds.agent_driver import account_of
from cift.feeds.monotonic import Monotonic
from cift.feeds.outside import command
from cift.feeds.quotes import Print, Quote
from cift.feeds.timeline import tick_of
from cift.kernel.errors import CiftError
from cift.kernel.ids import uuid7
from cift.kernel.money import NANOS, parse_nanos
from cift.platform.engine import Engine, Result
from cift.platform.stores import Platform
from tests.stack import Stack
from tests.target import DEADLINE_S

FEED = 7
"""The number of a feed for these tests; the replay has another one."""
QUEUE = "QUEUE.T"
"""An instrument for these tests."""


async def eventually(check: Callable[[], Awaitable[Any]], what: str, timeout_s: float = DEADLINE_S) -> Any:
    """The first true result of `check`; it is called again while the engine is unreachable."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(CiftError):
            if result := await check():
                return result
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {timeout_s:g} s: {what}")


async def quote(engine: Engine, symbol: str) -> dict[str, Any]:
    found: dict[str, Any] = (await engine.query({"quote": [symbol]}))["quotes"][0]
    return found


async def two_sided(engine: Engine, symbol: str) -> dict[str, Any] | None:
    seen = await quote(engine, symbol)
    return seen if seen["bid"] is not None and seen["ask"] is not None else None


async def customer(engine: Engine, cash: int = 100_000) -> str:
    account = uuid7()
    await engine.submit(
        {"type": "open_account", "account": account, "kind": "cash", "role": "customer", "currency": "USD"}
    )
    await engine.submit({"type": "deposit", "account": account, "transfer": uuid7(), "amount": cash * NANOS})
    return account


async def place(engine: Engine, account: str, symbol: str, side: str, shares: int, **more: Any) -> Result:
    order = {
        "type": "place_order",
        "account": account,
        "order": uuid7(),
        "symbol": symbol,
        "side": side,
        "kind": "limit" if "limit_price" in more else "market",
        "time_in_force": "day",
        "quantity": shares * NANOS,
        "self_trade_prevention": "cancel_newest",
    }
    return await engine.submit(order | more)


async def held(engine: Engine, account: str, symbol: str) -> int:
    response = await engine.query({"account": account})
    quantities = [each["quantity"] for each in response["positions"] if each["symbol"] == symbol]
    return parse_nanos(quantities[0], "quantity", signed=True) // NANOS if quantities else 0


@pytest.fixture(scope="module")
def replaying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("replaying") / "data"
    # The last minute of the day at six times its speed: the first session closes ten seconds later.
    with Stack.start(folder, market="replay", speed="6", replay_from="15:59") as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(replaying: Stack) -> AsyncIterator[Engine]:
    platform = Platform(replaying.settings())
    yield platform.engine
    await platform.close()


async def test_every_symbol_is_quoted_and_after_the_close_a_new_session_begins(
    engine: Engine,
) -> None:
    for symbol in bootstrap.SYMBOLS:
        await eventually(lambda symbol=symbol: two_sided(engine, symbol), f"{symbol} is quoted")  # type: ignore[misc]
    account = await customer(engine)
    low = (
        parse_nanos((await eventually(lambda: two_sided(engine, "IBM"), "IBM is quoted"))["bid"], "bid")
        * 95
        // 100
        // 10_000_000
        * 10_000_000
    )

    async def rests() -> Result | None:  # the session can close meanwhile
        return await place(engine, account, "IBM", "buy", 1, limit_price=low)

    placed = await eventually(rests, "a day order far below the market is accepted")
    assert placed.order["status"] == "new"

    async def ended() -> bool:
        return (await engine.query({"account": account}))["account"]["open_orders"] == 0

    await eventually(ended, "the close expires the day order")
    assert await held(engine, account, "IBM") == 0
    await eventually(lambda: two_sided(engine, "IBM"), "the next loop quotes again")


async def test_a_market_order_is_filled_at_the_quoted_price(engine: Engine) -> None:
    account = await customer(engine)

    async def filled() -> tuple[dict[str, Any], Result] | None:
        seen = await two_sided(engine, "BAC")
        result = await place(engine, account, "BAC", "buy", 10) if seen else None
        if not (seen and result and result.order["status"] == "filled"):
            return None
        after = await two_sided(engine, "BAC")  # the price may have moved since `seen`
        return (seen, result) if after and after["ask"] == seen["ask"] else None

    seen, result = await eventually(filled, "a market order is filled")
    paid = result.order["filled_notional"] // 10
    assert abs(paid - parse_nanos(seen["ask"], "ask")) <= 3 * 10_000_000, "BAC moves one tick at a time"
    assert await held(engine, account, "BAC") >= 10


async def test_prices_move_as_on_the_recorded_day(engine: Engine) -> None:
    seen: set[str] = set()

    async def moved() -> bool:
        quoted = await two_sided(engine, "SPY")
        if quoted:
            seen.add(quoted["bid"])
        return len(seen) >= 4

    await eventually(moved, "SPY's bid takes four values")
    assert all(160 < float(price) < 175 for price in seen)


async def test_a_resting_order_is_filled_by_recorded_prints(engine: Engine) -> None:
    account = await customer(engine)

    async def bought() -> bool:
        if await held(engine, account, "SPY"):
            return True
        await engine.submit({"type": "cancel_all", "account": account, "symbol": None})
        seen = await two_sided(engine, "SPY")
        if seen:
            bid = parse_nanos(seen["bid"], "bid")
            result = await place(engine, account, "SPY", "buy", 1, limit_price=bid, post_only=True)
            await asyncio.sleep(1)
            assert result.order["filled"] == 0, "a post-only order rests"
        return bool(await held(engine, account, "SPY"))

    await eventually(bought, "recorded prints reach an order at the bid")


async def test_the_replay_continues_after_the_engine_was_killed(engine: Engine, replaying: Stack) -> None:
    await eventually(lambda: two_sided(engine, "SPY"), "SPY is quoted")
    before = (await quote(engine, "SPY"))["last_at"]
    old = replaying.kill("matchd")
    replaying.restarted("matchd", old)

    async def continues() -> bool:
        seen = await two_sided(engine, "SPY")
        return seen is not None and seen["last_at"] != before

    await eventually(continues, "quotes and prints are accepted again")


async def test_a_limit_order_keeps_its_queue_position(platform: Platform) -> None:
    engine = platform.engine
    await bootstrap.send_facts(engine)
    await bootstrap.send_facts(engine)  # sending them again changes nothing and raises nothing
    house_account = uuid7()
    await engine.submit(
        {
            "type": "open_account",
            "account": house_account,
            "kind": "margin",
            "role": "house",
            "currency": "USD",
        }
    )
    await engine.submit(
        {"type": "define_feed", "feed": FEED, "house": house_account, "silence_ns": 600 * NANOS}
    )
    await engine.submit(bootstrap.instrument(QUEUE))
    numbers = Monotonic(lambda: 0)

    async def submit(row: Quote | Print) -> None:
        await engine.submit(command(tick_of(QUEUE, row), FEED, numbers.next()))

    account = await customer(engine)
    await submit(Quote(0, 4_900, 300, 4_902, 100))
    order = await place(engine, account, QUEUE, "buy", 50, limit_price=4_900 * 10_000_000)
    assert order.order["status"] == "new"
    await submit(Print(1, 4_900, 200))
    assert await held(engine, account, QUEUE) == 0, "100 shares of the quote are still ahead of it"
    await submit(Quote(2, 4_900, 500, 4_902, 100))
    await submit(Print(3, 4_900, 120))
    assert await held(engine, account, QUEUE) == 20, "the added size is behind it"
    await submit(Quote(4, 4_901, 400, 4_902, 100))
    assert await held(engine, account, QUEUE) == 20
    await submit(Quote(5, 4_898, 100, 4_900, 1_000))
    assert await held(engine, account, QUEUE) == 50, "an ask that reaches its price fills it at that price"
    response = await engine.query({"account": account})
    assert response["account"]["cash"] == "97550", "50 shares at 49.00"
    await submit(Quote(6, 4_898, 0, 4_900, 0))


async def test_agents_make_a_market_without_prices_and_positions_sum_to_zero(tmp_path: Path) -> None:
    seed = 11
    with Stack.start(tmp_path / "data", market="agents", seed=str(seed)) as stack:
        platform = Platform(stack.settings())
        engine = platform.engine
        try:

            async def traded() -> bool:
                seen = (await engine.query({"quote": list(bootstrap.SYMBOLS)}))["quotes"]
                return all(each["last"] is not None for each in seen)

            await eventually(traded, "every symbol trades, although none had a price at the start")
            account = await customer(engine)

            async def bought() -> bool:
                result = await place(engine, account, "SPY", "buy", 5)
                return bool(result.order["filled"])

            await eventually(bought, "a user trades with the agents")
            old = stack.kill("functions")
            stack.restarted("functions", old)
            at = (await quote(engine, "SPY"))["last_at"]

            async def again() -> bool:
                return (await quote(engine, "SPY"))["last_at"] != at

            await eventually(again, "the agents trade again")
            stack.kill("functions")
            names = [
                each.name
                for each in agents.Agents(seed, dict.fromkeys(bootstrap.SYMBOLS, agents.MarketState())).agents
            ]
            accounts = [account_of(seed, name) for name in names] + [account]
            await asyncio.sleep(0.5)
            for symbol in bootstrap.SYMBOLS:
                held_by = [await held(engine, each, symbol) for each in accounts]
                assert any(held_by), f"no account holds {symbol}"
                assert sum(held_by) == 0, f"positions of {symbol} do not sum to zero"
        finally:
            await platform.close()
