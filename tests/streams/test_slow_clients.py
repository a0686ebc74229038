"""Clients that read too slowly: quotes are coalesced, books get snapshots, connections end; others lose
nothing."""

import asyncio
import socket
from typing import Any

from cift.kernel.money import NANOS
from tests.host.alone import alone
from tests.stack import Stack
from tests.streams.client import Book, Client
from tests.venue import FEED, Venue

FEW_BYTES = 4_096
PRINTS = 12_000
CUT_OFF = 'cift_stream_cut_off_total{reason="slow_reader"} 1.0'
_source = iter(range(10**12, 10**13))


async def slow(url: str) -> Client:
    """A client with a small receive buffer, which reads only in `next`."""
    port = int(url.rsplit(":", 1)[1])
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, FEW_BYTES)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", port))
    return await Client.open(url, sock=narrow, max_queue=1)


async def many(venue: Venue, symbol: str, kind: str, count: int, reader: Client | None = None) -> None:
    """Ticks of the outside market, the last one with `count` as its size. Trades wait for `reader` after
    every 100."""

    def tick(number: int) -> dict[str, Any]:
        head = {"feed": FEED, "source_sequence": next(_source), "symbol": symbol}
        if kind == "outside_trade":
            return {"type": kind, **head, "price": 100 * NANOS, "quantity": number * NANOS}
        bid = {"price": (99 * NANOS) - (number % 7) * NANOS // 100, "quantity": number * NANOS}
        return {"type": kind, **head, "bid": bid, "ask": {"price": 101 * NANOS, "quantity": NANOS}}

    for begin in range(0, count, 100):
        # Quotes one at a time: those that arrive together are conflated before they are sequenced.
        numbers = range(begin + 1, min(begin + 100, count) + 1)
        if kind == "outside_trade":
            await asyncio.gather(*(venue.engine.submit(tick(number)) for number in numbers))
        else:
            for number in numbers:
                await venue.engine.submit(tick(number))
        if reader:
            await reader.until("trade", quantity=str(numbers[-1]))


async def test_a_client_that_never_reads_is_ended_and_others_receive_everything(
    exchange: Stack, venue: Venue
) -> None:
    symbol = await venue.instrument(price=None)
    with alone("streams.stream", exchange, CIFT_LOG="off") as url:
        stuck, other = await slow(url), await Client.open(url)
        async with stuck, other:
            for client in (stuck, other):
                await client.subscribe(symbol, channels=["trades"])

            async def end() -> tuple[int, str]:
                while CUT_OFF not in (await venue.http.get(f"{url}/metrics")).text:
                    await asyncio.sleep(0.05)
                return await stuck.closed()  # reads from here on

            ending = asyncio.create_task(end())
            await many(venue, symbol, "outside_trade", PRINTS, other)
            received = [trade["quantity"] for trade in other.of("trade")]
            assert received == [str(number) for number in range(1, PRINTS + 1)]
            assert await ending == (1008, "slow_reader")
            assert stuck.received[-1]["code"] == "slow_reader", "the error precedes the close frame"
            received = [trade["quantity"] for trade in stuck.of("trade")]
            assert received == [str(number) for number in range(1, len(received) + 1)], "without a gap"
            assert len(received) < PRINTS
            again = await Client.open(url)
            async with again:
                await again.subscribe(symbol, channels=["trades"], since=stuck.of("trade")[-1]["id"])
                rest = [trade["quantity"] for trade in again.of("trade")]
                assert received + rest == [str(number) for number in range(1, PRINTS + 1)]


async def test_quotes_are_coalesced_and_the_book_is_caught_up_by_a_snapshot(
    exchange: Stack, venue: Venue
) -> None:
    symbol, count = await venue.instrument(price=None), 2_500
    with alone("streams.stream", exchange, CIFT_LOG="off") as url:
        lazy = await slow(url)
        async with lazy:
            await lazy.subscribe(symbol, channels=["quotes", "book"])
            await many(venue, symbol, "outside_quote", count)
            last = await lazy.until("quote", bid_quantity=str(count))
            assert last["symbol"] == symbol
            book = Book()
            for message in lazy.of("book"):
                if message["snapshot"] or message["previous"] <= book.sequence:
                    book.apply(message)
            while book.sides["bids"].get(last["bid"]) != str(count):
                book.apply(await lazy.until("book"))
            assert len(lazy.of("quote")) < count, "quotes were coalesced"
            assert sum(message["snapshot"] for message in lazy.of("book")) >= 2
            assert lazy.connection.state.name == "OPEN"
