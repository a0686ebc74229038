"""A bot whose connection is cut, or that restarts, while it places an order: there is one order, not two.

alpaca-py connects to a proxy that passes the request on, and then cuts the connection or answers with 503.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest

from tests.alpaca.conftest import Market
from tests.target import User

UNAVAILABLE = b'{"code": 50310000, "message": "the outcome is unknown", "reason": "outcome_unknown"}'
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def _cut(client: asyncio.StreamWriter) -> None:
    """Ends the connection without an answer."""
    raw: socket.socket = client.get_extra_info("socket")
    raw.shutdown(socket.SHUT_RDWR)


async def _unavailable(client: asyncio.StreamWriter) -> None:
    """What the gateway answers when a function ended during the request."""
    head = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    client.write(head % len(UNAVAILABLE) + UNAVAILABLE)
    await client.drain()


@asynccontextmanager
async def proxy(market: Market, answer: Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that passes each request to the exchange. The client does not get the response.

    Yields its address and the responses of the exchange.
    """
    responses: list[bytes] = []
    host, port = market.url.removeprefix("http://").split(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
        up, down = await asyncio.open_connection(host, int(port))
        down.write(head + body)
        responses.append(await up.readuntil(b"\r\n\r\n"))
        down.close()
        await answer(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", responses


async def _orders(market: Market, user: User) -> int:
    return len(await asyncio.to_thread(market.trading(user).get_orders))


@pytest.mark.parametrize(
    ("answer", "error"), [(_cut, requests.exceptions.ConnectionError), (_unavailable, APIError)]
)
async def test_a_bot_that_gets_no_answer_finds_its_order(
    market: Market, user: User, answer: Answer, error: type[Exception]
) -> None:
    order = LimitOrderRequest(
        symbol=market.symbol,
        qty=1,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        limit_price=98,
        client_order_id=str(uuid4()),
    )
    async with proxy(market, answer) as (address, responses):
        behind = TradingClient(*market.keys(user), url_override=address)
        with pytest.raises(error):
            await asyncio.to_thread(behind.submit_order, order)
        assert [response.split()[1] for response in responses] == [b"200"], "sent once, and not again"

    restarted = market.trading(user)
    found = await asyncio.to_thread(restarted.get_order_by_client_id, str(order.client_order_id))
    assert found.status == "new"
    with pytest.raises(APIError, match="client_order_id must be unique"):
        await asyncio.to_thread(restarted.submit_order, order)
    assert await _orders(market, user) == 1


async def test_a_bot_that_restarts_while_it_sends_places_one_order(market: Market, user: User) -> None:
    order = LimitOrderRequest(
        symbol=market.symbol,
        qty=1,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        limit_price=98,
        client_order_id=str(uuid4()),
    )

    def send() -> str:
        try:
            return str(market.trading(user).submit_order(order).id)
        except APIError as refused:
            return str(refused.code)

    outcomes = await asyncio.gather(*(asyncio.to_thread(send) for _ in range(5)))
    assert outcomes.count("40010001") == 4, outcomes
    assert await _orders(market, user) == 1
