"""Streams of the client on a running exchange, through a proxy that cuts their connections."""

import asyncio
import json
from contextlib import suppress
from decimal import Decimal

import pytest
from cift_client import ApiError, AsyncClient, NotReachable
from cift_client.models_gen import BookUpdate, FillUpdate, Gap, OrderUpdate, TradeUpdate
from cift_client.streams import order_of, subscriptions_of
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from tests.client.link import Link
from tests.target import DEADLINE_S, until
from tests.venue import Venue

CUTS = 5
PRINTS = 20
"""Trades between two cuts."""


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def test_a_stream_that_is_cut_returns_each_message_once_and_in_order(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    seen: list[TradeUpdate] = []
    own: list[OrderUpdate | FillUpdate] = []
    async with Link(venue.exchange.url).open() as link, AsyncClient(link.url, one.api_key) as client:
        async with client.stream(trades=symbol, orders=True, fills=True) as stream:
            expected = 0
            for number in range(1, CUTS + 1):
                for each in range(PRINTS):
                    await venue.print(symbol, "100", number * 1_000 + each)
                    if each == PRINTS // 2:
                        assert link.cut() == 1, "the stream was connected"
                await venue.order(one, symbol, quantity=str(number))
                await venue.market(two, symbol, "sell", str(number))
                expected += PRINTS + 1
                async with asyncio.timeout(DEADLINE_S):
                    while len(seen) < expected or len(own) < number * 3:
                        message = await anext(stream)
                        assert not isinstance(message, Gap)
                        if isinstance(message, TradeUpdate):
                            seen.append(message)
                        elif isinstance(message, OrderUpdate | FillUpdate):
                            own.append(message)
            assert stream.connections > CUTS
    outside = [trade.quantity for trade in seen if trade.source == "outside"]
    assert outside == [n * 1_000 + each for n in range(1, CUTS + 1) for each in range(PRINTS)]
    ids = [order_of(each.id) for each in seen]
    assert ids == sorted(set(ids))
    fills = [each.quantity for each in own if isinstance(each, FillUpdate)]
    assert fills == [Decimal(number) for number in range(1, CUTS + 1)]
    accepted = [
        each.order.quantity for each in own if isinstance(each, OrderUpdate) and each.change == "accepted"
    ]
    assert accepted == fills


async def test_what_happens_before_the_first_message_of_a_cut_stream_is_not_missed(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with Link(venue.exchange.url).open() as link, AsyncClient(link.url) as client:
        async with client.stream(trades=symbol) as stream:
            assert link.cut() == 1
            await venue.print(symbol, "101", 7)
            async with asyncio.timeout(DEADLINE_S):
                message = await anext(stream)
    assert isinstance(message, TradeUpdate) and message.quantity == 7


async def test_the_last_id_is_that_of_a_message_that_was_returned(venue: Venue) -> None:
    """`async with` receives what was missed, and returns it later."""
    symbol = await venue.instrument()
    async with AsyncClient(venue.exchange.url) as client:
        async with client.stream(trades=symbol) as stream:
            start = stream.last_id
        await venue.print(symbol, "101", 1)
        await venue.print(symbol, "101", 2)
        async with client.stream(trades=symbol, since=start) as stopped:
            assert stopped.last_id == start
            first = await anext(stopped)
            assert stopped.last_id == first.id
        async with client.stream(trades=symbol, since=stopped.last_id) as later:
            message = await anext(later)
    assert isinstance(message, TradeUpdate) and message.quantity == 2


async def test_a_later_stream_continues_after_an_earlier_one(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with AsyncClient(venue.exchange.url) as client:
        async with client.stream(trades=symbol) as stream:
            await venue.print(symbol, "101", 1)
            await anext(stream)
        await venue.print(symbol, "101", 2)
        async with client.stream(trades=symbol, since=stream.last_id) as later:
            async with asyncio.timeout(DEADLINE_S):
                message = await anext(later)
    assert isinstance(message, TradeUpdate) and message.quantity == 2


async def test_a_book_is_kept_through_cuts_and_equals_the_exchanges(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    async with Link(venue.exchange.url).open() as link, AsyncClient(link.url, user.api_key) as client:
        async with client.stream(book=symbol) as stream:
            for round_ in range(4):
                for number in range(10):
                    price = f"{95 + number * 0.1 + round_ * 0.01:.2f}"
                    await venue.order(user, symbol, quantity=str(number + 1), limit_price=price)
                link.cut()
                await venue.order(user, symbol, side="sell", quantity="2", limit_price=f"{103 + round_}")
                truth = await client.market_data.get_book(symbol, depth=100)
                async with asyncio.timeout(DEADLINE_S):
                    while stream.books[symbol].checksum() != truth.checksum:
                        assert isinstance(await anext(stream), BookUpdate | Gap)
            book = stream.books[symbol]
            assert [each.price for each in book.bids] == [each.price for each in truth.bids]
            assert [each.quantity for each in book.asks] == [each.quantity for each in truth.asks]
            assert book.best_bid is not None and book.best_bid.price == truth.bids[0].price


async def test_a_book_that_is_out_of_step_is_requested_again(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    async with AsyncClient(venue.exchange.url, user.api_key) as client, client.stream(book=symbol) as stream:
        await anext(stream)  # the snapshot
        await venue.order(user, symbol, quantity="1", limit_price="99")
        await anext(stream)
        stream.books[symbol]._bids.clear()  # as if a change had been lost
        await venue.order(user, symbol, quantity="2", limit_price="98")
        async with asyncio.timeout(DEADLINE_S):
            message = await anext(stream)
        assert isinstance(message, BookUpdate) and message.snapshot
        assert [each.price for each in stream.books[symbol].bids] == [99, 98]


async def test_a_message_id_that_the_exchange_never_had_is_a_gap(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with AsyncClient(venue.exchange.url) as client:
        async with client.stream(trades=symbol, since=f"{2**61}:0") as stream:
            assert isinstance(await anext(stream), Gap)
            await venue.print(symbol, "101", 3)
            async with asyncio.timeout(DEADLINE_S):
                message = await anext(stream)
    assert isinstance(message, TradeUpdate) and message.quantity == 3


async def test_a_stream_without_messages_after_a_gap_continues_behind_it(venue: Venue) -> None:
    symbol, unknown = await venue.instrument(), f"{2**61}:0"
    async with AsyncClient(venue.exchange.url) as client:
        async with client.stream(trades=symbol, since=unknown) as stream:
            assert isinstance(await anext(stream), Gap)
            waiting = asyncio.create_task(stream.__anext__())

            async def moved() -> bool:
                return stream.last_id != unknown

            await until(moved, "the stream's place is behind the gap")
            waiting.cancel()
        await venue.print(symbol, "101", 4)
        async with client.stream(trades=symbol, since=stream.last_id) as later:
            async with asyncio.timeout(DEADLINE_S):
                message = await anext(later)
    assert isinstance(message, TradeUpdate) and message.quantity == 4


async def test_a_stream_that_is_closed_while_it_connects_leaves_no_connection() -> None:
    reached, proceed, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def shake_hands(connection: ServerConnection, request: Request) -> None:
        reached.set()
        await proceed.wait()

    async def handle(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await connection.send('{"type": "heartbeat", "at": "2026-01-01T00:00:00Z"}')
        await connection.wait_closed()
        ended.set()

    async with serve(handle, "127.0.0.1", 0, process_request=shake_hands) as server:
        async with AsyncClient(url_of(server)) as client, asyncio.timeout(DEADLINE_S):
            stream = client.stream(trades="SPY")
            reading = asyncio.create_task(stream.__anext__())
            await reached.wait()
            await stream.close()
            proceed.set()
            with pytest.raises(StopAsyncIteration):
                await reading
            await ended.wait()


async def test_a_stream_connects_again_after_a_close_for_a_passing_reason() -> None:
    subscribed = {"type": "subscribed", "subscriptions": {}, "unknown_symbols": [], "last": "7:0"}
    connections = 0

    async def handle(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await connection.recv()
        if connections == 1:
            await connection.close(1008, "stream_unavailable")
            return
        await connection.send(json.dumps(subscribed))
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server, AsyncClient(url_of(server)) as client:
        async with asyncio.timeout(DEADLINE_S), client.stream(trades="SPY") as stream:
            assert (stream.connections, stream.last_id) == (2, "7:0")


async def test_refusals_are_raised_and_do_not_repeat(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    async with AsyncClient(venue.exchange.url) as client:
        for channels, code in (
            ({"trades": "NOSUCH"}, "unknown_symbol"),
            ({"fills": True}, "credential_required"),
        ):
            with pytest.raises(ApiError, match=code):
                async with client.stream(**channels):
                    pass
    async with AsyncClient(venue.exchange.url, "cift_wrong_key") as client:
        with pytest.raises(ApiError):
            async with client.stream(trades=symbol):
                pass
    async with AsyncClient("http://127.0.0.1:9") as client:
        with pytest.raises(NotReachable):
            async with client.stream(trades=symbol):
                pass
    async with AsyncClient(venue.exchange.url, user.api_key) as client, client.stream(fills=True) as stream:
        for key in (await venue.http.get("/api/v1/auth/api-keys", headers=user.bearer)).json()["items"]:
            await venue.http.delete(f"/api/v1/auth/api-keys/{key['id']}", headers=user.bearer)
        with pytest.raises(ApiError, match="revoked"):
            async with asyncio.timeout(DEADLINE_S):
                await anext(stream)


def test_wrong_channels_are_named() -> None:
    for channels, message in (
        ({"tickers": "SPY"}, "there is no channel 'tickers'"),
        ({"trades": []}, "at least one symbol"),
        ({"fills": "SPY"}, "takes True"),
        ({}, "at least one channel"),
        ({"trades": [f"S{number}" for number in range(101)]}, "takes 100"),
    ):
        with pytest.raises(ValueError, match=message):
            subscriptions_of(channels)
    assert subscriptions_of({"trades": ["spy", "SPY"], "orders": True}) == {"trades": ["SPY"], "orders": []}
