"""A book and a tape that are kept through lost connections and kill -9 of matchd, nats-server, the functions,
while agents trade: never a wrong checksum, never a delta missing unnoticed, no trade lost or doubled.

Real processes under the real supervisor. Known limit: EVENTS and MARKET_DATA are memory streams that matchd
rebuilds over a bounded stretch; what is older than that is told as a gap (which no kill here reaches).
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

from cift.platform.stores import Platform
from tests.stack import Stack
from tests.streams.listening import Book, Ear
from tests.venue import MARKET

SYMBOLS = ("SPY", "BAC")
TIMEOUT_S = 120.0
COMPARISONS = 3
"""With the engine's own answer, after each trouble."""


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange of these tests' own, where agents trade."""
    with Stack.start(tmp_path_factory.mktemp("lively") / "data", market="agents", agents_rate="200") as stack:
        yield stack


class Listener:
    """Keeps books and tapes over any number of connections."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.books: dict[str, Book] = {}
        self.trades: dict[str, list[str]] = {symbol: [] for symbol in SYMBOLS}
        self.gaps: list[dict[str, Any]] = []
        self.connections = 0
        self._ear: Ear | None = None

    async def _connect(self) -> Ear:
        ear = await Ear.open(self.stack.url, ping_interval=2, ping_timeout=20)
        self.connections += 1
        self.books = {symbol: Book() for symbol in SYMBOLS}
        await ear.say(action="subscribe", symbols=list(SYMBOLS), channels=["book"])
        for symbol in SYMBOLS:
            since = {"since": self.trades[symbol][-1]} if self.trades[symbol] else {}
            await ear.say(action="subscribe", symbols=[symbol], channels=["trades"], **since)
        return ear

    async def next(self) -> dict[str, Any]:
        """The next message, before it is taken in; connects again as often as it must."""
        while True:
            try:
                if self._ear is None:
                    self._ear = await self._connect()
                return await self._ear.next(timeout_s=40)
            except (OSError, websockets.WebSocketException, TimeoutError):
                if self._ear is not None:
                    await self._ear.connection.close()
                self._ear = None
                await asyncio.sleep(0.2)

    def take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "book":
                self.books[message["symbol"]].hear(message)
            case "trade":
                self.trades[message["symbol"]].append(message["id"])
            case "gap":
                self.gaps.append(message)
            case "error":
                assert message["code"] in ("engine_unavailable", "stream_unavailable"), message
                self.drop()  # ask again on a new connection

    def drop(self) -> None:
        """Lose the connection without a goodbye."""
        if self._ear is not None:
            self._ear.connection.transport.abort()

    async def compare(self) -> int:
        """Compare each book with the engine's answer, as of the same record; how many checksums were good."""
        checked = 0
        for symbol in SYMBOLS:
            for _ in range(COMPARISONS):
                asked = await self._ask(symbol)
                connections = self.connections
                while True:
                    message = await self.next()
                    mine = message["type"] == "book" and message["symbol"] == symbol
                    if mine and message["sequence"] > asked["sequence"]:
                        book = self.books[symbol]
                        if 0 <= book.sequence <= asked["sequence"] and connections == self.connections:
                            told = asked["bids"], asked["asks"]
                            for side, name in zip(told, ("bids", "asks"), strict=True):
                                assert [(e["price"], e["quantity"]) for e in side] == book.best(name)
                            assert asked["checksum"] == book.checksum()
                            checked += 1
                        self.take(message)
                        break
                    self.take(message)
        return checked

    async def _ask(self, symbol: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.stack.url, timeout=20) as http:
            while True:
                try:
                    answer = await http.get(f"{MARKET}/book/{symbol}", params={"depth": 100})
                    if answer.status_code == 200:
                        found: dict[str, Any] = answer.json()
                        return found
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)


@asynccontextmanager
async def listening(stack: Stack) -> AsyncIterator[Listener]:
    listener = Listener(stack)
    try:
        yield listener
    finally:
        listener.drop()


async def journaled_trades(stack: Stack, symbol: str, last: str) -> list[str]:
    """Ids of the trades of a symbol up to one, as the journal's own stretch of MARKET_DATA has them."""
    platform = Platform(stack.settings())
    try:
        js = await platform.nats.jetstream()
        state = (await js.stream_info("MARKET_DATA")).state
        found = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await js.get_msg("MARKET_DATA", sequence, direct=True)
            if message.subject == f"market.trade.{symbol}":
                found.append((message.headers or {})["Nats-Msg-Id"])
                if found[-1] == last:
                    break
        return found
    finally:
        await platform.close()


@pytest.mark.parametrize("trouble", ["drop", "matchd", "functions", "nats-server", "matchd again"])
async def test_the_book_is_the_engines_after(lively: Stack, trouble: str) -> None:
    victim = trouble.split()[0]
    async with asyncio.timeout(TIMEOUT_S), listening(lively) as listener:
        while any(book.checked < 5 for book in listener.books.values()) or not listener.books:
            listener.take(await listener.next())
        for _ in range(2):
            if victim == "drop":
                listener.drop()
            else:
                old = lively.kill(victim, signal.SIGKILL)
            checked = 0
            while checked < 2:
                checked += await listener.compare()
            if victim != "drop":
                await asyncio.to_thread(lively.restarted, victim, old, 60.0)
        assert not listener.gaps
        for symbol in SYMBOLS:
            trades = listener.trades[symbol]
            order = [tuple(map(int, id.split(":"))) for id in trades]
            assert order == sorted(set(order)), "each once, in order"
            if not trades:
                continue
            known = await journaled_trades(lively, symbol, trades[-1])
            begin = known.index(trades[0]) if trades[0] in known else 0
            here = trades[trades.index(known[begin]) :] if known[begin] in trades else trades
            assert here == known[begin:], "what the stream has, and nothing else"
