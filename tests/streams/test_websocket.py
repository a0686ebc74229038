"""The conversation over a WebSocket, on a real exchange."""

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
from tests.streams.listening import PATH, Book, Ear
from tests.venue import MARKET, Venue


async def told(ear: Ear, kind: str, count: int) -> list[dict[str, Any]]:
    while len(ear.of(kind)) < count:
        await ear.next()
    return ear.of(kind)


async def test_a_client_hears_what_it_subscribed_to_and_nothing_else(venue: Venue) -> None:
    symbol, other = await venue.instrument(), await venue.instrument()
    one, two = venue.user(), venue.user()
    async with await Ear.open(venue.exchange.url) as ear:
        assert (await ear.next())["type"] == "welcome"
        confirmed = await ear.subscribe(symbol.lower(), channels=["quotes", "trades"])
        assert confirmed["subscriptions"] == {"quotes": [symbol], "trades": [symbol]}
        (now,) = ear.of("quote")
        assert (now["id"], now["last"], now["bid"]) == (None, "100", None), "the state comes first"
        await venue.order(one, other, quantity="5")
        await venue.order(one, symbol, quantity="5", limit_price="99.5")
        quote = await ear.until("quote")
        assert (quote["symbol"], quote["bid"], quote["bid_quantity"], quote["ask"]) == (
            symbol,
            "99.5",
            "5",
            None,
        )
        await venue.market(two, symbol, "sell", "2")
        trade = await ear.until("trade")
        made = {"source": "exchange", "price": "99.5", "quantity": "2", "aggressor": "sell", "symbol": symbol}
        assert made.items() <= trade.items() and trade["trade_id"] > 0
        after = await ear.until("quote")
        assert (after["bid_quantity"], after["last"], after["last_quantity"]) == ("3", "99.5", "2")
        asked = (await venue.http.get(f"{MARKET}/quote/{symbol}", headers=one.key)).json()
        same = ("bid", "bid_quantity", "ask", "ask_quantity", "last", "last_quantity", "last_at", "halted")
        assert [after[name] for name in same] == [asked[name] for name in same], "as the engine answers"
        await venue.print(symbol, "98", 7)
        outside = await ear.until("trade", source="outside")
        assert (outside["price"], outside["aggressor"], outside["trade_id"]) == ("98", None, None)
        assert {message.get("symbol") for message in ear.of("quote") + ear.of("trade")} == {symbol}
        await ear.say(action="unsubscribe", symbols=[symbol], channels=["trades"])
        left = await ear.until("subscribed")
        assert left["subscriptions"] == {"quotes": [symbol]}
        count = len(ear.of("trade"))
        await venue.print(symbol, "97", 7)
        await ear.until("quote", last="97")
        assert len(ear.of("trade")) == count


async def test_halts_are_part_of_the_quote(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Ear.open(venue.exchange.url) as ear:
        await ear.subscribe(symbol, channels=["quotes"])
        await venue.command(type="halt", symbol=symbol)
        assert (await ear.until("quote", halted=True))["symbol"] == symbol
        await venue.command(type="resume", symbol=symbol)
        await ear.until("quote", halted=False)


async def test_ping_and_pong_and_msgpack(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Ear.open(venue.exchange.url, query="?format=msgpack") as ear:
        await ear.say(action="ping")
        await ear.until("pong")
        await ear.subscribe(symbol, channels=["trades"])
        await venue.print(symbol, "101", 3)
        assert (await ear.until("trade"))["price"] == "101"


@pytest.mark.parametrize("way", ["token", "api_key", "bearer header", "key header"])
async def test_own_orders_and_fills_after_login(venue: Venue, way: str) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    headers = {"bearer header": one.bearer, "key header": one.key}.get(way)
    async with await Ear.open(venue.exchange.url, headers=headers) as ear:
        if headers is None:
            await ear.say(action="subscribe", channels=["orders"])
            assert (await ear.until("error"))["code"] == "credential_required"
            await ear.say(action="auth", **{way: one.access_token if way == "token" else one.api_key})
        assert (await ear.until("authenticated"))["account_id"] == one.account_id
        await ear.subscribe(channels=["orders", "fills"])
        placed = await venue.order(one, symbol, quantity="3", client_order_id=f"mine-{way[:3]}")
        await venue.order(two, symbol, quantity="1")  # another's
        await venue.market(two, symbol, "sell", "2")
        fill = await ear.until("fill")
        await venue.call(one, "DELETE", f"/api/v1/trading/orders/{placed['id']}")
        closed = await ear.until("order", change="closed")
        assert {each["order_id"] for each in ear.of("order") + ear.of("fill")} == {placed["id"]}
        accepted = ear.of("order")[0]
        wanted = {"change": "accepted", "client_order_id": f"mine-{way[:3]}", "symbol": symbol}
        assert wanted.items() <= accepted.items() and accepted["limit_price"] == "100"
        assert (fill["side"], fill["liquidity"], fill["quantity"], fill["remaining_quantity"]) == (
            "buy", "maker", "2", "1",
        )  # fmt: skip
        assert closed["status"] == "canceled"


async def test_a_wrong_or_missing_credential_is_named(venue: Venue) -> None:
    trader = venue.user(("trade",))
    async with await Ear.open(venue.exchange.url) as ear:
        await ear.say(action="auth", token="a.b.c")
        assert (await ear.until("error"))["code"] == "invalid_token"
        await ear.say(action="auth", api_key="cift_nope")
        assert (await ear.until("error"))["code"] == "invalid_api_key"
        await ear.say(action="auth", api_key=trader.api_key)
        await ear.until("authenticated")
        await ear.say(action="subscribe", channels=["fills"])
        assert (await ear.until("error"))["code"] == "scope_required"
        await ear.say(action="auth", api_key=venue.user().api_key)
        assert (await ear.until("error"))["code"] == "other_account"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await Ear.open(venue.exchange.url, headers={"Authorization": "Bearer a.b.c"})
    answer = refused.value.response
    assert answer.status_code == 401 and json.loads(answer.body or b"")["code"] == "invalid_token"


async def test_a_revoked_key_and_a_logged_out_token_end_their_connections(venue: Venue) -> None:
    one = venue.user()
    by_key = await Ear.open(venue.exchange.url, headers=one.key)
    by_token = await Ear.open(venue.exchange.url, headers=one.bearer)
    other = await Ear.open(venue.exchange.url, headers=venue.user().key)
    async with by_key, by_token, other:
        for ear in (by_key, by_token, other):
            await ear.until("authenticated")
        keys = (await venue.http.get("/api/v1/auth/api-keys", headers=one.bearer)).json()["items"]
        await venue.http.delete(f"/api/v1/auth/api-keys/{keys[0]['id']}", headers=one.bearer)
        assert await by_key.closed() == (1008, "api_key_revoked")
        assert by_key.heard[-1]["code"] == "api_key_revoked", "said in our own form first"
        gone = await venue.http.post("/api/v1/auth/logout", json={}, headers=one.bearer)
        assert gone.is_success, gone.text
        assert await by_token.closed() == (1008, "token_revoked")
        await other.say(action="ping")
        await other.until("pong")


async def test_every_mistake_has_a_name_and_the_conversation_goes_on(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Ear.open(venue.exchange.url) as ear:
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
            await ear.connection.send(raw)
            error = await ear.until("error")
            assert error["code"] == code and error["message"] and error["request_id"], error
        await ear.subscribe(symbol, channels=["quotes"])
        await ear.connection.send("x" * 70_000)
        assert (await ear.closed())[0] == 1009


async def test_unknown_symbols_among_known_ones_are_named(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with await Ear.open(venue.exchange.url) as ear:
        confirmed = await ear.subscribe("nosuch", symbol, "b@d", channels=["trades"])
        assert confirmed["subscriptions"] == {"trades": [symbol]}
        assert confirmed["unknown_symbols"] == ["NOSUCH", "B@D"]
        await venue.print(symbol, "101", 3)
        assert (await ear.until("trade"))["symbol"] == symbol
        await ear.say(action="unsubscribe", symbols=[symbol, "NOSUCH"], channels=["trades"])
        left = await ear.until("subscribed")
        assert (left["subscriptions"], left["unknown_symbols"]) == ({}, ["NOSUCH"])
        assert (await ear.subscribe(symbol, channels=["trades"]))["unknown_symbols"] == []


async def test_a_client_that_talks_too_much_is_cut_off(venue: Venue) -> None:
    async with await Ear.open(venue.exchange.url) as ear:
        for _ in range(rules.MESSAGES_BURST * 3):
            try:
                await ear.say(action="ping")
            except websockets.ConnectionClosed:
                break
        assert await ear.closed() == (1008, "rate_limited")


async def test_handshakes_that_cannot_be_are_answered_in_our_form(venue: Venue) -> None:
    url = venue.exchange.url
    for query, headers, status, code in (
        ("?format=xml", {}, 0, "invalid_request"),
        ("", {"Origin": "https://evil.example"}, 403, "untrusted_origin"),
    ):
        try:
            ear = await Ear.open(url, query=query, headers=headers)
            assert not status and await ear.closed() == (1008, code) and ear.heard[-1]["code"] == code
        except websockets.InvalidStatus as refused:
            assert refused.response.status_code == status
            assert json.loads(refused.response.body or b"")["code"] == code
    async with await Ear.open(url, headers={"Origin": url}) as same:
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
    async with await Ear.open(venue.exchange.url, headers=one.key) as ear:
        await ear.subscribe(symbol, channels=["trades"])
        await ear.subscribe(channels=["orders"])
        await venue.print(symbol, "100", 1)
        last = (await ear.until("trade"))["id"]
        await venue.order(one, symbol, limit_price="95")
        last_order = (await ear.until("order"))["id"]
    for number in range(2, 40):  # nobody listens
        await venue.print(symbol, "100", number)
        await venue.print(other, "50", number)
    await venue.order(one, symbol, limit_price="95.01")
    async with await Ear.open(venue.exchange.url, headers=one.key) as again:
        await again.subscribe(symbol, channels=["trades"], since=last)
        await again.subscribe(channels=["orders"], since=last_order)
        await venue.print(symbol, "100", 40)
        trades = await told(again, "trade", 39)
        assert [trade["quantity"] for trade in trades] == [str(number) for number in range(2, 41)]
        assert [order["limit_price"] for order in again.of("order")] == ["95.01"]
        assert not again.of("gap")
    async with await Ear.open(venue.exchange.url) as late:
        await late.subscribe(symbol, channels=["trades"], since="0:0")
        assert late.of("gap")[0]["channel"] == "trades", "what is not kept any more is said"


async def test_live_messages_do_not_overtake_a_replay(venue: Venue) -> None:
    """Prints go on while clients come back, each from another place: every one of them hears all, once."""
    symbol = await venue.instrument()
    async with await Ear.open(venue.exchange.url) as first:
        await first.subscribe(symbol, channels=["trades"])
        await venue.print(symbol, "100", 1)
        begin = (await first.until("trade"))["id"]
        going = True

        async def prints() -> int:
            number = 1
            while going:
                number += 1
                await venue.print(symbol, "100", number)
                await asyncio.sleep(0.005)  # the listeners of this test read only at its end
            return number

        printing = asyncio.create_task(prints())
        ears = []
        for _ in range(12):
            await asyncio.sleep(0.05)
            ear = await Ear.open(venue.exchange.url)
            await ear.subscribe(symbol, channels=["trades"], since=begin)
            ears.append(ear)
        going = False
        total = await printing
        for ear in ears:
            trades = await told(ear, "trade", total - 1)
            assert [trade["quantity"] for trade in trades] == [str(n) for n in range(2, total + 1)]
            await ear.connection.close()


async def test_the_book_begins_with_a_snapshot_and_its_checksums_are_the_engines(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    await venue.order(one, symbol, limit_price="99.5", quantity="4")
    async with await Ear.open(venue.exchange.url) as ear:
        await ear.subscribe(symbol, channels=["book"])
        for number in range(12):
            await venue.order(one, symbol, limit_price=f"{99 - number}.25", quantity=f"{number + 1}")
            await venue.order(two, symbol, side="sell", limit_price=f"{101 + number}", quantity="3")
        await venue.market(two, symbol, "sell", "6")
        asked = (await venue.http.get(f"{MARKET}/book/{symbol}", params={"depth": 100})).json()
        book = Book()
        for message in ear.of("book"):
            book.hear(message)
        while book.checksum() != asked["checksum"]:
            book.hear(await ear.until("book"))
        assert ear.of("book")[0]["snapshot"]
        assert [(level["price"], level["quantity"]) for level in asked["bids"]] == book.best("bids")
        assert [(level["price"], level["quantity"]) for level in asked["asks"]] == book.best("asks")
        assert asked["checksum"] == book.checksum() and book.checked > 20


async def test_one_subscription_of_the_bus_however_many_listen(exchange: Stack, venue: Venue) -> None:
    symbol = await venue.instrument()
    with alone("streams.stream", exchange) as url:
        answer = await venue.http.get(f"{url}/health")
        assert answer.json() == {"status": "ok"}
        ears = [await Ear.open(url) for _ in range(20)]
        for ear in ears:
            await ear.subscribe(symbol, channels=["quotes", "trades", "book", "bars"])
        metrics = (await venue.http.get(f"{url}/metrics")).text
        assert "cift_stream_subscriptions 1.0" in metrics
        assert "cift_stream_listeners 80.0" in metrics
        assert 'cift_sockets_open{function="streams.stream"} 20.0' in metrics
        await venue.print(symbol, "101", 3)
        for ear in ears:
            assert (await ear.until("trade"))["price"] == "101"
        for ear in ears:
            await ear.connection.close()

        def clean() -> bool:
            text = httpx.get(f"{url}/metrics").text
            return "cift_stream_subscriptions 0.0" in text and "cift_stream_listeners 0.0" in text

        await asyncio.to_thread(eventually, clean, "nothing is left of clients that went")


async def test_an_id_that_never_was_is_answered_by_a_gap(venue: Venue) -> None:
    """Of an exchange before this one, say; what is new comes all the same."""
    symbol = await venue.instrument()
    async with await Ear.open(venue.exchange.url) as ear:
        await ear.subscribe(symbol, channels=["trades"], since=f"{2**40}:0")
        assert [gap["since"] for gap in ear.of("gap")] == [f"{2**40}:0"]
        await venue.print(symbol, "101", 3)
        assert (await ear.until("trade"))["quantity"] == "3"
