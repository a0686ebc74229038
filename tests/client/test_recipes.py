"""Each recipe of docs/recipes.md runs, against a running exchange."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import polars as pl
import pytest
from cift_client.streams import order_of

from cift.generate import recipes
from tests.target import DEADLINE_S, User
from tests.venue import Venue

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "examples" / "recipes"


class Recipe:
    """A recipe that runs as a program of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def until(self, text: str) -> str:
        """The next line of its output that contains `text`."""
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line)
                if text in line:
                    return line
        raise AssertionError(f"{text!r} is not in its output: {self.lines}")

    async def end(self) -> str:
        """Wait until it ends without an error; returns what it printed."""
        async with asyncio.timeout(DEADLINE_S):
            rest, _ = await self.process.communicate()
        text = "".join(self.lines) + rest.decode()
        assert self.process.returncode == 0, text
        return text


@asynccontextmanager
async def started(venue: Venue, user: User, name: str, *arguments: str) -> AsyncIterator[Recipe]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_")}
    environment |= {"CIFT_URL": venue.exchange.url, "CIFT_API_KEY": user.api_key}
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'clients' / 'python'}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(FOLDER / f"{name}.py"), *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Recipe(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ran(venue: Venue, user: User, name: str, *arguments: str) -> str:
    async with started(venue, user, name, *arguments) as recipe:
        return await recipe.end()


@pytest.fixture
async def symbol(venue: Venue) -> str:
    """An instrument quoted 99.90 to 100.10, 1,000 each."""
    found, maker = await venue.instrument(), venue.user()
    more = {"quantity": "100", "time_in_force": "gtc"}
    await venue.order(maker, found, side="buy", limit_price="99.90", **more)
    await venue.order(maker, found, side="sell", limit_price="100.10", **more)
    return found


def test_the_page_has_every_recipe_and_each_has_a_test() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")}
    assert files == set(recipes.ORDER) and len(files) == 10, "README.md and CHANGELOG.md count them"
    assert files <= {name.removeprefix("test_") for name in globals() if name.startswith("test_")}


async def test_first_order(venue: Venue, symbol: str) -> None:
    text = await ran(venue, venue.user(), "first_order", symbol)
    assert "99.9 to 100.1" in text and "filled at 100.1" in text and "1 at 100.1, fee" in text


async def test_bracket(venue: Venue, symbol: str) -> None:
    text = await ran(venue, venue.user(), "bracket", symbol)
    assert "entry filled" in text
    assert text.count("exit:") == 2 and "limit 104.1, new" in text and "stop 98.1, pending" in text


async def test_never_twice(venue: Venue, symbol: str) -> None:
    user = venue.user()
    first = await ran(venue, user, "never_twice", symbol, "decision-7")
    assert await ran(venue, user, "never_twice", symbol, "decision-7") == first
    assert len((await venue.get(user, "orders"))["items"]) == 1


async def test_market_maker(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    async with started(venue, user, "market_maker", symbol, "3") as recipe:
        await recipe.until("quoting 99.95 to 100.05")
        await venue.market(venue.user(), symbol, "buy", "2")
        await recipe.until("quoting 100.00 to 100.10")
        await venue.print(symbol, "101")
        text = await recipe.end()
    assert "sell 2 at 100.05" in text, text
    assert (await venue.get(user, "orders", status="open"))["items"] == []


async def test_kill_switch(venue: Venue, symbol: str) -> None:
    user = venue.user()
    await venue.market(user, symbol, "buy", "3")
    await venue.order(user, symbol, limit_price="95")
    text = await ran(venue, user, "kill_switch")
    assert "canceled 1 orders" in text and f"closing 3 {symbol}: filled" in text
    assert (await venue.get(user, "positions"))["items"] == []


async def test_watch_book(venue: Venue, symbol: str) -> None:
    async with started(venue, venue.user(), "watch_book", symbol, "2") as recipe:
        await recipe.until("99.9 to 100.1, bids 100")
        await venue.order(venue.user(), symbol, limit_price="99.95", quantity="3")
        assert "99.95 to 100.1, bids 103" in await recipe.end()


async def test_stream_to_parquet(venue: Venue, tmp_path: Path) -> None:
    symbol, file = await venue.instrument(), tmp_path / "trades.parquet"
    async with started(venue, venue.user(), "stream_to_parquet", symbol, "3", str(file)) as recipe:
        await recipe.until("live")
        for quantity in (1, 2, 3):
            await venue.print(symbol, "100.5", quantity)
        await recipe.end()
    frame = pl.read_parquet(file)
    assert frame["quantity"].to_list() == [1, 2, 3] and frame.schema["price"] == pl.Decimal(38, 9)


async def test_reconnect(venue: Venue, tmp_path: Path) -> None:
    symbol, place = await venue.instrument(), tmp_path / "place"
    arguments = (symbol, "1", str(place))
    async with started(venue, venue.user(), "reconnect", *arguments) as recipe:
        await recipe.until("live")
        await venue.print(symbol, "100.5", 1)
        await recipe.end()
    first = place.read_text()
    await venue.print(symbol, "100.5", 2)  # while it does not run
    text = await ran(venue, venue.user(), "reconnect", *arguments)
    assert f"live after {first}" in text and order_of(place.read_text()) > order_of(first)


async def test_equity_curve(venue: Venue, symbol: str) -> None:
    user = venue.user()
    await venue.market(user, symbol, "buy", "1")
    text = await ran(venue, user, "equity_curve")
    assert "drawdown" in text and "profit " in text


async def test_backtest(venue: Venue) -> None:
    text = await ran(venue, venue.user(), "backtest")
    orders = int(text.split(" ticks, ")[1].split(" orders")[0])
    assert orders > 0 and "equity " in text
