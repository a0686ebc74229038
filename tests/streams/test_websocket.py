"""The streams over a WebSocket, on a real exchange."""

import asyncio
import base64
import json
import os
from typing import Any

import httpx
import pytest
import websockets

from cift.streams import rules
from tests.host.alone import alone
from tests.stack import Stack, eventually
from tests.streams.client import PATH, Book, Client
from tests.target import DEADLINE_S
from tests.venue import MARKET, Venue


async def receive_until_count(client: Client, kind: str, count: int) -> list[dict[str, Any]]:
    while len(client.of(kind)) < count:
        await client.next()
    return client.of(kind)


async def test_a_client_receives_its_subscriptions_and_nothing_else(venue: Venue) -> None:
    symbol, other = await venue.instrument(), await venue.instrument()
    one, two = venue.user(), venue.user()
    async with await Client.open(venue.exchange.url) as client:
        assert (await client.next())["type"] == "welcome"
        confirmed = await client.subscribe(symbol.lower(), channels=["quotes", "trades"])
        assert confirmed["subscriptions"] == {"quotes": [symbol], "trades": [symbol]}
        (now,) = client.of("quote")
        assert (now["id"], now["last"], now["bid"]) == (None, "100", None), "the current state is sent first"
        await venue.order(one, other, quantity="5")
        await venue.order(one, symbol, quantity="5", limit_price="99.5")
        quote = await client.until("quote")
        assert (quote["symbol"], quote["bid"], quote["bid_quantity"], quote["ask"]) == (
            symbol,
            "99.5",
            "5",
            None,
        )
        await venue.market(two, symbol, "sell", "2")
        trade = await client.until("trade")
        made = {"source": "exchange", "price": "99.5", "quantity": "2", "aggressor": "sell", "symbol": symbol}
        assert made.items() <= trade.items() and trade["trade_id"] > 0
        after = await client.until("quote")
        assert (after["bid_quantity"], after["last"], after["last_quantity"]) == ("3", "99.5", "2")
        response = (await venue.http.get(f"{MARKET}/quote/{symbol}", headers=one.key)).json()
        same = ("bid", "bid_quantity", "ask", "ask_quantity", "last", "last_quantity", "last_at", "halted")
        assert [after[name] for name in same] == [response[name] for name in same], "as the engine responds"
        await venue.print(symbol, "98", 7)
        outside = await client.until("trade", source="outside")
        assert (outside["price"], outside["aggressor"], outside["trade_id"]) == ("98", None, None)
        assert {message.get("symbol") for message in client.of("quote") + client.of("trade")} == {symbol}
        await client.send(action="unsubscribe", symbols=[symbol], channels=["trades"])
        left = await client.until("subscribed")
        assert left["subscriptions"] == {"quotes": [symbol]}
        count = len(client.of("trade"))
        await venue.print(symbol, "97", 7)
        await client.until("quote", last="97")
        assert len(client.of("trade")) == count


async def test_halts_are_part_of_the_quote(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Client.open(venue.exchange.url) as client:
        await client.subscribe(symbol, channels=["quotes"])
        await venue.command(type="halt", symbol=symbol)
        assert (await client.until("quote", halted=True))["symbol"] == symbol
        await venue.command(type="resume", symbol=symbol)
        await client.until("quote", halted=False)


async def test_ping_and_pong_and_msgpack(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Client.open(venue.exchange.url, query="?format=msgpack") as client:
        await client.send(action="ping")
        assert "reply_to" not in await client.until("pong")
        await client.send(action="ping", id="my-first")
        await client.until("pong", reply_to="my-first")
        await client.send(action="subscribe", id=7, symbols=["NOSUCH"])
        await client.until("error", reply_to=7, code="unknown_symbol")
        await client.subscribe(symbol, channels=["trades"])
        await venue.print(symbol, "101", 3)
        assert (await client.until("trade"))["price"] == "101"


@pytest.mark.parametrize("login", ["token", "api_key", "bearer header", "key header"])
async def test_orders_and_fills_of_the_account_after_login(venue: Venue, login: str) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    headers = {"bearer header": one.bearer, "key header": one.key}.get(login)
    async with await Client.open(venue.exchange.url, headers=headers) as client:
        if headers is None:
            await client.send(action="subscribe", channels=["orders"])
            assert (await client.until("error"))["code"] == "credential_required"
            await client.send(action="auth", **{login: one.access_token if login == "token" else one.api_key})
        assert (await client.until("authenticated"))["account_id"] == one.account_id
        await client.subscribe(channels=["orders", "fills"])
        placed = await venue.order(one, symbol, quantity="3", client_order_id=f"mine-{login[:3]}")
        await venue.order(two, symbol, quantity="1")  # of another account
        await venue.market(two, symbol, "sell", "2")
        fill = await client.until("fill")
        await venue.call(one, "DELETE", f"/api/v1/trading/orders/{placed['id']}")
        closed = await client.until("order", change="closed")
        assert {each["order"]["id"] for each in client.of("order")} == {placed["id"]} == {fill["order_id"]}
        accepted = client.of("order")[0]
        assert (accepted["change"], accepted["order"]["limit_price"]) == ("accepted", "100")
        assert accepted["order"]["client_order_id"] == fill["client_order_id"] == f"mine-{login[:3]}"
        assert accepted["order"]["symbol"] == symbol
        assert (fill["side"], fill["liquidity"], fill["quantity"], fill["remaining_quantity"]) == (
            "buy", "maker", "2", "1",
        )  # fmt: skip
        assert closed["order"]["status"] == "canceled"


async def test_a_wrong_or_missing_credential_has_an_error_code(venue: Venue) -> None:
    trader = venue.user(("trade",))
    async with await Client.open(venue.exchange.url) as client:
        await client.send(action="auth", token="a.b.c")
        assert (await client.until("error"))["code"] == "invalid_token"
        await client.send(action="auth", api_key="cift_nope")
        assert (await client.until("error"))["code"] == "invalid_api_key"
        await client.send(action="auth", api_key=trader.api_key)
        await client.until("authenticated")
        await client.send(action="subscribe", channels=["fills"])
        assert (await client.until("error"))["code"] == "scope_required"
        await client.send(action="auth", api_key=venue.user().api_key)
        assert (await client.until("error"))["code"] == "other_account"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await Client.open(venue.exchange.url, headers={"Authorization": "Bearer a.b.c"})
    response = refused.value.response
    assert response.status_code == 401 and json.loads(response.body or b"")["code"] == "invalid_token"


async def test_a_revoked_key_and_a_logged_out_token_end_their_connections(venue: Venue) -> None:
    one = venue.user()
    by_key = await Client.open(venue.exchange.url, headers=one.key)
    by_token = await Client.open(venue.exchange.url, headers=one.bearer)
    other = await Client.open(venue.exchange.url, headers=venue.user().key)
    async with by_key, by_token, other:
        for client in (by_key, by_token, other):
            await client.until("authenticated")
        keys = (await venue.http.get("/api/v1/auth/api-keys", headers=one.bearer)).json()["items"]
        await venue.http.delete(f"/api/v1/auth/api-keys/{keys[0]['id']}", headers=one.bearer)
        assert await by_key.closed() == (1008, "api_key_revoked")
        assert by_key.received[-1]["code"] == "api_key_revoked", "the error precedes the close frame"
        gone = await venue.http.post("/api/v1/auth/logout", json={}, headers=one.bearer)
        assert gone.is_success, gone.text
        assert await by_token.closed() == (1008, "token_revoked")
        await other.send(action="ping")
        await other.until("pong")


async def test_every_mistake_has_an_error_code_and_the_connection_stays_open(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Client.open(venue.exchange.url) as client:
        for raw, code in (
            ("{", "invalid_json"),
            ('{"action": "buy"}', "unknown_action"),
            ('{"action": "subscribe", "symbols": ["NOSUCH"]}', "unknown_symbol"),
            (
                json.dumps({"action": "subscribe", "symbols": [f"S{n}" for n in range(101)]}),
                "too_many_symbols",
            ),
            ('{"action": "subscribe", "channels": ["book"]}', "invalid_message"),
            (" " * (rules.MESSAGE_BYTES_MAX + 1), "message_too_large"),
        ):
            await client.connection.send(raw)
            error = await client.until("error")
            assert error["code"] == code and error["message"] and error["request_id"], error
        await client.subscribe(symbol, channels=["quotes"])
        await client.connection.send("x" * 70_000)
        assert (await client.closed())[0] == 1009


async def test_unknown_symbols_among_known_ones_are_named(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Client.open(venue.exchange.url) as client:
        confirmed = await client.subscribe("nosuch", symbol, "b@d", channels=["trades"])
        assert confirmed["subscriptions"] == {"trades": [symbol]}
        assert confirmed["unknown_symbols"] == ["NOSUCH", "B@D"]
        await venue.print(symbol, "101", 3)
        assert (await client.until("trade"))["symbol"] == symbol
        await client.send(action="unsubscribe", symbols=[symbol, "NOSUCH"], channels=["trades"])
        left = await client.until("subscribed")
        assert (left["subscriptions"], left["unknown_symbols"]) == ({}, ["NOSUCH"])
        assert (await client.subscribe(symbol, channels=["trades"]))["unknown_symbols"] == []


async def test_a_client_that_sends_too_much_is_ended(venue: Venue) -> None:
    async with await Client.open(venue.exchange.url) as client:
        for _ in range(rules.MESSAGES_BURST * 3):
            try:
                await client.send(action="ping")
            except websockets.ConnectionClosed:
                break
        assert await client.closed() == (1008, "rate_limited")


async def test_bad_handshakes_get_errors_in_our_form(venue: Venue) -> None:
    url = venue.exchange.url
    for query, headers, status, code in (
        ("?format=xml", {}, 0, "invalid_request"),
        ("", {"Origin": "https://evil.example"}, 403, "untrusted_origin"),
    ):
        try:
            client = await Client.open(url, query=query, headers=headers)
            assert (
                not status and await client.closed() == (1008, code) and client.received[-1]["code"] == code
            )
        except websockets.InvalidStatus as refused:
            assert refused.response.status_code == status
            assert json.loads(refused.response.body or b"")["code"] == code
    async with await Client.open(url, headers={"Origin": url}) as same:
        assert (await same.next())["type"] == "welcome"
    plain = await venue.http.get(PATH)
    assert plain.status_code == 404
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": key}
    old = await venue.http.get(PATH, headers={**upgrade, "Sec-WebSocket-Version": "8"})
    assert (old.status_code, old.json()["code"]) == (400, "invalid_handshake")
    nowhere = await venue.http.get("/api/v1/nope", headers={**upgrade, "Sec-WebSocket-Version": "13"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_a_socket")


async def test_since_replays_what_was_missed_once_and_in_order(venue: Venue) -> None:
    symbol, other = await venue.instrument(), await venue.instrument()
    one = venue.user()
    async with await Client.open(venue.exchange.url, headers=one.key) as client:
        await client.subscribe(symbol, channels=["trades"])
        await client.subscribe(channels=["orders"])
        await venue.print(symbol, "100", 1)
        last = (await client.until("trade"))["id"]
        await venue.order(one, symbol, limit_price="95")
        last_order = (await client.until("order"))["id"]
    for number in range(2, 40):  # without a subscriber
        await venue.print(symbol, "100", number)
        await venue.print(other, "50", number)
    await venue.order(one, symbol, limit_price="95.01")
    async with await Client.open(venue.exchange.url, headers=one.key) as again:
        await again.subscribe(symbol, channels=["trades"], since=last)
        await again.subscribe(channels=["orders"], since=last_order)
        await venue.print(symbol, "100", 40)
        trades = await receive_until_count(again, "trade", 39)
        assert [trade["quantity"] for trade in trades] == [str(number) for number in range(2, 41)]
        assert [each["order"]["limit_price"] for each in again.of("order")] == ["95.01"]
        assert not again.of("gap")
    async with await Client.open(venue.exchange.url) as late:
        await late.subscribe(symbol, channels=["trades"], since="0:0")
        assert late.of("gap")[0]["since"] == "0:0", "messages that are no longer stored are reported"


async def test_live_messages_do_not_overtake_a_replay(venue: Venue) -> None:
    """Prints continue while clients reconnect at different times: each client receives every print once."""
    symbol = await venue.instrument()
    async with await Client.open(venue.exchange.url) as first:
        await first.subscribe(symbol, channels=["trades"])
        await venue.print(symbol, "100", 1)
        begin = (await first.until("trade"))["id"]
        going = True

        async def print_until_stopped() -> int:
            number = 1
            while going:
                number += 1
                await venue.print(symbol, "100", number)
                await asyncio.sleep(0.005)  # the clients read only at the end of the test
            return number

        printing = asyncio.create_task(print_until_stopped())
        clients = []
        for _ in range(12):
            await asyncio.sleep(0.05)
            client = await Client.open(venue.exchange.url)
            await client.subscribe(symbol, channels=["trades"], since=begin)
            clients.append(client)
        going = False
        total = await printing
        for client in clients:
            trades = await receive_until_count(client, "trade", total - 1)
            assert [trade["quantity"] for trade in trades] == [str(n) for n in range(2, total + 1)]
            await client.connection.close()


async def test_the_book_begins_with_a_snapshot_and_its_checksums_are_the_engines(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    await venue.order(one, symbol, limit_price="99.5", quantity="4")
    async with await Client.open(venue.exchange.url) as client:
        await client.subscribe(symbol, channels=["book"])
        for number in range(12):
            await venue.order(one, symbol, limit_price=f"{99 - number}.25", quantity=f"{number + 1}")
            await venue.order(two, symbol, side="sell", limit_price=f"{101 + number}", quantity="3")
        await venue.market(two, symbol, "sell", "6")
        response = (await venue.http.get(f"{MARKET}/book/{symbol}", params={"depth": 100})).json()
        book = Book()
        for message in client.of("book"):
            book.apply(message)
        while book.checksum() != response["checksum"]:
            book.apply(await client.until("book"))
        assert client.of("book")[0]["snapshot"]
        assert [(level["price"], level["quantity"]) for level in response["bids"]] == book.best("bids")
        assert [(level["price"], level["quantity"]) for level in response["asks"]] == book.best("asks")
        assert response["checksum"] == book.checksum() and book.checked > 20


async def test_any_number_of_clients_share_one_bus_subscription(exchange: Stack, venue: Venue) -> None:
    symbol = await venue.instrument()
    with alone("streams.stream", exchange) as url:
        health = await venue.http.get(f"{url}/health")
        assert health.json() == {"status": "ok"}
        clients = [await Client.open(url) for _ in range(20)]
        for client in clients:
            await client.subscribe(symbol, channels=["quotes", "trades", "book", "bars"])
        metrics = (await venue.http.get(f"{url}/metrics")).text
        assert "cift_stream_bus_subscriptions 1.0" in metrics
        assert "cift_stream_client_subscriptions 80.0" in metrics
        assert 'cift_sockets_open{function="streams.stream"} 20.0' in metrics
        await venue.print(symbol, "101", 3)
        for client in clients:
            assert (await client.until("trade"))["price"] == "101"
        for client in clients:
            await client.connection.close()

        def clean() -> bool:
            text = httpx.get(f"{url}/metrics", timeout=DEADLINE_S).text
            return (
                "cift_stream_bus_subscriptions 0.0" in text and "cift_stream_client_subscriptions 0.0" in text
            )

        await asyncio.to_thread(eventually, clean, "the subscriptions of closed connections are gone")


async def test_an_id_that_never_existed_gives_a_gap(venue: Venue) -> None:
    """For example an id of an earlier exchange. New messages are delivered nevertheless."""
    symbol = await venue.instrument()
    async with await Client.open(venue.exchange.url) as client:
        await client.subscribe(symbol, channels=["trades"], since=f"{2**40}:0")
        assert [gap["since"] for gap in client.of("gap")] == [f"{2**40}:0"]
        await venue.print(symbol, "101", 3)
        assert (await client.until("trade"))["quantity"] == "3"
