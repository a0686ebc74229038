"""A client keeps a book and the trades through lost connections and kill -9 of matchd, nats-server and
the functions, while agents trade: no wrong checksum, no missing change without notice, no trade lost or
duplicated.

Real processes under the real supervisor. Known limit: UPDATES is a memory stream that
matchd rebuilds over a bounded range; older messages are reported as a gap (no kill here reaches that far
back).
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from cift_core import wire

from cift.platform.stores import Platform
from tests.stack import Stack
from tests.streams.client import Book, Client
from tests.target import DEADLINE_S
from tests.venue import MARKET

SYMBOLS = ("SPY", "BAC")
TIMEOUT_S = 300.0
COMPARISONS = 3
"""Comparisons with the engine's own response after each fault."""


@pytest.fixture(scope="module")
def agents_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange for these tests alone, where agents trade."""
    with Stack.start(tmp_path_factory.mktemp("agents") / "data", market="agents", agents_rate="200") as stack:
        yield stack


class Keeper:
    """Keeps books and trades over any number of connections."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.books: dict[str, Book] = {}
        self.trades: dict[str, list[str]] = {symbol: [] for symbol in SYMBOLS}
        self.gaps: list[dict[str, Any]] = []
        self.connections = 0
        self._client: Client | None = None

    async def _connect(self) -> Client:
        client = await Client.open(self.stack.url, ping_interval=2, ping_timeout=DEADLINE_S)
        self.connections += 1
        self.books = {symbol: Book() for symbol in SYMBOLS}
        await client.send(action="subscribe", symbols=list(SYMBOLS), channels=["book"])
        for symbol in SYMBOLS:
            since = {"since": self.trades[symbol][-1]} if self.trades[symbol] else {}
            await client.send(action="subscribe", symbols=[symbol], channels=["trades"], **since)
        return client

    async def next(self) -> dict[str, Any]:
        """The next message, not yet applied; reconnects as often as necessary."""
        while True:
            try:
                if self._client is None:
                    self._client = await self._connect()
                return await self._client.next()
            except (OSError, websockets.WebSocketException, TimeoutError):
                if self._client is not None:
                    await self._client.connection.close()
                self._client = None
                await asyncio.sleep(0.2)

    def take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "book":
                self.books[message["symbol"]].apply(message)
            case "trade":
                self.trades[message["symbol"]].append(message["id"])
            case "gap":
                self.gaps.append(message)
            case "error":
                assert message["code"] in ("engine_unavailable", "stream_unavailable"), message
                self.drop()  # subscribe again on a new connection

    def drop(self) -> None:
        """Abort the connection without a close frame."""
        if self._client is not None:
            self._client.connection.transport.abort()

    async def compare(self) -> int:
        """Compare each book with the engine's at the same record; returns the number of comparisons."""
        checked = 0
        for symbol in SYMBOLS:
            for _ in range(COMPARISONS):
                expected = await self._query_book(symbol)
                connections = self.connections
                while True:
                    message = await self.next()
                    mine = message["type"] == "book" and message["symbol"] == symbol
                    if mine and message["sequence"] > expected["sequence"]:
                        book = self.books[symbol]
                        if 0 <= book.sequence <= expected["sequence"] and connections == self.connections:
                            for name in ("bids", "asks"):
                                levels = [(e["price"], e["quantity"]) for e in expected[name]]
                                assert levels == book.best(name)
                            assert expected["checksum"] == book.checksum()
                            checked += 1
                        self.take(message)
                        break
                    self.take(message)
        return checked

    async def _query_book(self, symbol: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.stack.url, timeout=DEADLINE_S) as http:
            while True:
                try:
                    response = await http.get(f"{MARKET}/book/{symbol}", params={"depth": 100})
                    if response.status_code == 200:
                        found: dict[str, Any] = response.json()
                        return found
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)


@asynccontextmanager
async def keeping(stack: Stack) -> AsyncIterator[Keeper]:
    keeper = Keeper(stack)
    try:
        yield keeper
    finally:
        keeper.drop()


async def journaled_trades(stack: Stack, symbol: str, last: str) -> list[str]:
    """Ids of a symbol's trades in UPDATES, up to `last`."""
    platform = Platform(stack.settings())
    try:
        js = await platform.nats.jetstream()
        state = (await js.stream_info("UPDATES")).state
        wanted = wire.Wanted()
        wanted.add("trade", symbol)
        found: list[str] = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await js.get_msg("UPDATES", sequence, direct=True)
            for _, command, index, _ in wire.decode_update(message.data or b"", wanted)["items"]:
                found.append(f"{command}:{index}")
                if found[-1] == last:
                    return found
        return found
    finally:
        await platform.close()


@pytest.mark.parametrize("fault", ["drop", "matchd", "functions", "nats-server", "matchd again"])
async def test_book_and_trades_are_complete_after(agents_exchange: Stack, fault: str) -> None:
    victim = fault.split()[0]
    async with asyncio.timeout(TIMEOUT_S), keeping(agents_exchange) as keeper:
        while any(book.checked < 5 for book in keeper.books.values()) or not keeper.books:
            keeper.take(await keeper.next())
        for _ in range(2):
            if victim == "drop":
                keeper.drop()
            else:
                old = agents_exchange.kill(victim, signal.SIGKILL)
            checked = 0
            while checked < 2:
                checked += await keeper.compare()
            if victim != "drop":
                await asyncio.to_thread(agents_exchange.restarted, victim, old)
        assert not keeper.gaps
        for symbol in SYMBOLS:
            trades = keeper.trades[symbol]
            order = [tuple(map(int, id.split(":"))) for id in trades]
            assert order == sorted(set(order)), "each once, in order"
            if not trades:
                continue
            known = await journaled_trades(agents_exchange, symbol, trades[-1])
            begin = known.index(trades[0]) if trades[0] in known else 0
            here = trades[trades.index(known[begin]) :] if known[begin] in trades else trades
            assert here == known[begin:], "exactly the trades of the stream"
