"""Live streams in Alpaca's form: by alpaca-py's `TradingStream` and `StockDataStream`, and by raw frames."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgpack
import pytest
import websockets
from alpaca.data.live.stock import StockDataStream
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest, ReplaceOrderRequest
from alpaca.trading.stream import TradingStream

from tests.alpaca.conftest import Market
from tests.target import DEADLINE_S, User, eventually, until


@contextmanager
def running(stream: Any) -> Iterator[None]:
    """Run a stream of alpaca-py in another thread, because its `run()` blocks."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stream.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def socket_url(market: Market, path: str) -> str:
    return f"{market.url.replace('http', 'ws', 1)}{path}"


def limit(symbol: str, quantity: int, price: float) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol, qty=quantity, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=price
    )


@pytest.mark.parametrize("path", ["/stream", "/alpaca/stream/"])
def test_trade_updates_of_an_orders_life(market: Market, user: User, path: str) -> None:
    client, received = market.trading(user), []
    stream = TradingStream(*market.keys(user), url_override=socket_url(market, path))

    async def on_update(update: Any) -> None:
        received.append(update)

    stream.subscribe_trade_updates(on_update)
    with running(stream):
        # alpaca-py does not report when its subscription is active. So place orders until an update arrives.
        def place_and_check() -> bool:
            client.submit_order(limit(market.symbol, 1, 98))
            return bool(received)

        eventually(place_and_check, "the first update", poll_s=0.2)
        client.cancel_orders()
        received.clear()
        order = client.submit_order(limit(market.symbol, 3, 98.0))
        changed = client.replace_order_by_id(order.id, ReplaceOrderRequest(limit_price=98.5))
        client.cancel_order_by_id(changed.id)
        filled = client.submit_order(
            MarketOrderRequest(symbol=market.symbol, qty=2, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
        )
        own = [order.id, changed.id, filled.id]

        def seen() -> list[tuple[str, Any]]:
            return [(each.event, each.order.id) for each in received if each.order.id in own]

        expected = [
            ("new", order.id),
            ("replaced", order.id),
            ("new", changed.id),
            ("canceled", changed.id),
            ("new", filled.id),
            ("fill", filled.id),
        ]
        eventually(lambda: len(seen()) >= len(expected), "all updates")
    assert [(getattr(event, "value", event), id) for event, id in seen()] == expected
    fill = next(each for each in received if each.event == "fill" and each.order.id == filled.id)
    assert (fill.price, fill.qty, fill.position_qty, fill.order.filled_qty) == (100.1, 2, 2, "2")


async def read(socket: Any) -> Any:
    return await asyncio.wait_for(socket.recv(), DEADLINE_S)


async def test_frames_of_trade_updates_are_binary_json(market: Market, user: User) -> None:
    key_id, secret = market.keys(user)
    async with websockets.connect(socket_url(market, "/stream")) as socket:
        await socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        assert json.loads(await read(socket))["data"]["status"] == "unauthorized"
        for sent_secret, status in ((secret[:-1] + "~", "unauthorized"), (secret, "authorized")):
            data = {"key_id": key_id, "secret_key": sent_secret}
            await socket.send(json.dumps({"action": "authenticate", "data": data}))
            answer = await read(socket)
            assert isinstance(answer, bytes) and json.loads(answer)["data"]["status"] == status
        await socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        assert json.loads(await read(socket)) == {
            "stream": "listening",
            "data": {"streams": ["trade_updates"]},
        }
        await market.venue.order(user, market.symbol, limit_price="98")
        assert json.loads(await read(socket))["data"]["event"] == "new"


async def test_events_resume_after_an_id_without_loss(market: Market, user: User) -> None:
    key_id, secret = market.keys(user)
    headers = {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret}
    url = f"{market.url}/v2/events/trades"

    async def events(count: int, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            async with client.stream("GET", url, params=query, headers=headers) as answer:
                assert answer.status_code == 200
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        found.append(json.loads(line[6:]))
                        if len(found) == count:
                            break
        return found

    for price in ("97", "97.5", "98"):
        await market.venue.order(user, market.symbol, limit_price=price, quantity="1")
    first = await events(3, since="2026-01-01T00:00:00Z")
    assert [each["order"]["limit_price"] for each in first] == ["97", "97.5", "98"]
    # A client that lost its connection after the first event resumes with that event's id.
    await market.venue.market(user, market.symbol, "buy", "1")
    rest = await events(4, since_id=first[0]["event_id"])
    assert [each["event_id"] for each in rest[:2]] == [each["event_id"] for each in first[1:]]
    assert [each["event"] for each in rest] == ["new", "new", "new", "fill"]
    wrong = await asyncio.to_thread(
        httpx.get, url, params={"since_id": "x"}, headers=headers, timeout=DEADLINE_S
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, 40010001)


def test_market_data_of_alpacas_client(market: Market, user: User) -> None:
    client = market.trading(user)
    stream = StockDataStream(*market.keys(user), url_override=socket_url(market, "/alpaca/v2/iex"))
    trades, quotes = [], []

    async def on_trade(trade: Any) -> None:
        trades.append(trade)

    async def on_quote(quote: Any) -> None:
        quotes.append(quote)

    stream.subscribe_trades(on_trade, market.symbol)
    stream.subscribe_quotes(on_quote, market.symbol)
    with running(stream):

        def arrived() -> bool:
            client.submit_order(
                MarketOrderRequest(
                    symbol=market.symbol, qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY
                )
            )
            return bool(trades and quotes)

        eventually(arrived, "a trade and a quote", poll_s=0.2)
    assert (trades[0].symbol, trades[0].price, trades[0].size) == (market.symbol, 100.1, 1)
    assert trades[0].timestamp.year >= 2026 and quotes[0].ask_price == 100.1


def test_the_test_feed_runs_around_the_clock(market: Market, user: User) -> None:
    stream = StockDataStream(*market.keys(user), url_override=socket_url(market, "/v2/test"))
    received: list[Any] = []

    async def on_message(message: Any) -> None:
        received.append(message)

    stream.subscribe_trades(on_message, "FAKEPACA")
    stream.subscribe_bars(on_message, "FAKEPACA")
    with running(stream):
        eventually(lambda: len({type(each) for each in received}) == 2, "a trade and a bar")


def codec(packed: bool) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    if packed:
        return msgpack.packb, lambda data: msgpack.unpackb(data, timestamp=3)
    return json.dumps, json.loads


@pytest.mark.parametrize("packed", [False, True])
async def test_control_messages_and_errors(market: Market, user: User, packed: bool) -> None:
    write, parse = codec(packed)
    key_id, secret = market.keys(user)
    kind = "application/msgpack" if packed else "application/json"
    async with websockets.connect(
        socket_url(market, "/v2/iex"), additional_headers={"Content-Type": kind}
    ) as socket:

        async def ask(message: Any) -> Any:
            await socket.send(write(message))
            return parse(await read(socket))[0]

        assert parse(await read(socket)) == [{"T": "success", "msg": "connected"}]
        assert (await ask({"action": "subscribe", "trades": [market.symbol]}))["code"] == 401
        assert (await ask({"action": "auth", "key": key_id, "secret": "x" * 43}))["code"] == 402
        authenticated = {"T": "success", "msg": "authenticated"}
        assert await ask({"action": "auth", "key": key_id, "secret": secret}) == authenticated
        assert (await ask({"action": "auth", "key": key_id, "secret": secret}))["code"] == 403
        assert (await ask({"action": "sell"}))["code"] == 400
        assert (await ask({"action": "subscribe", "news": ["*"]}))["code"] == 410
        listed = await ask({"action": "subscribe", "trades": [market.symbol.lower()], "dailyBars": ["X"]})
        assert (listed["trades"], listed["corrections"], listed["dailyBars"]) == (
            [market.symbol],
            [market.symbol],
            ["X"],
        )
        await market.venue.print(market.symbol, "100.05")
        trade = parse(await read(socket))[0]
        assert (trade["T"], trade["S"], trade["p"]) == ("t", market.symbol, 100.05)
        if packed:
            assert trade["t"].year >= 2026  # the Timestamp extension
        assert (await ask({"action": "unsubscribe", "trades": [market.symbol]}))["trades"] == []


async def test_bearer_tokens_and_several_sockets_of_an_account(market: Market, user: User) -> None:
    sockets = []
    for number in range(3):
        socket = await websockets.connect(socket_url(market, "/v2/sip"))
        sockets.append(socket)
        await read(socket)
        message = {"action": "auth", "key": "oauth", "secret": user.access_token}
        await socket.send(json.dumps(message))
        assert json.loads(await read(socket))[0]["msg"] == "authenticated", number
    for socket in sockets:
        await socket.close()


async def test_an_unknown_feed_is_refused(market: Market) -> None:
    async with websockets.connect(socket_url(market, "/v2/gold")) as socket:
        assert json.loads(await read(socket))[0]["code"] == 409

        async def closed() -> bool:
            try:
                await read(socket)
            except websockets.ConnectionClosed:
                return True
            return False

        await until(closed, "the connection is closed")
