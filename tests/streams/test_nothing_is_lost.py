"""Clients receive every item of the journal once, ordered by id. Their connections break after a random
number of bytes, some of them read slowly, and each subscribes to another mix of channels."""

import asyncio
import contextlib
import random
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets
from cift_core import wire

from cift.contracts import item_ids
from tests.proxy import Proxy
from tests.streams.client import Client
from tests.target import User
from tests.venue import Venue

Id = tuple[int, int]
ROUNDS = 60
LINK_BYTES = 4_096
BREAK_WITHIN_BYTES = 40_000


class Link(Proxy):
    """A TCP proxy. Each connection breaks after a random number of bytes; a slow one has small buffers."""

    def __init__(self, url: str, rng: random.Random, *, slow: bool) -> None:
        super().__init__(url)
        self._rng, self._slow = rng, slow
        self.breaks = True
        self.broken = 0

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        upstream = socket.socket()
        if self._slow:
            upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LINK_BYTES)
        upstream.setblocking(False)
        await asyncio.get_running_loop().sock_connect(upstream, (self._host, self._port))
        return await asyncio.open_connection(sock=upstream, limit=LINK_BYTES if self._slow else 2**16)

    async def _to_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._rng.randrange(BREAK_WITHIN_BYTES) if self.breaks else 2**40
        while left > 0:
            data = await reader.read(min(left, LINK_BYTES))
            if not data:
                return
            left -= len(data)
            writer.write(data)
            await writer.drain()
        self.broken += 1


class Reader:
    """A client that reconnects and resumes until it has received everything."""

    def __init__(
        self, link: Link, subscriptions: dict[str, list[str]], user: User | None, start: str
    ) -> None:
        self.link, self.subscriptions, self.user = link, subscriptions, user
        self.last = start
        self.received: list[dict[str, Any]] = []

    async def until(self, end: asyncio.Event, last: list[Id]) -> None:
        """Receive until `end` is set and a message with the id `last[0]`, or a later one, has arrived."""
        while not (end.is_set() and self.received and _id(self.received[-1]) >= last[0]):
            with contextlib.suppress(OSError, websockets.WebSocketException, EOFError):
                headers = self.user.key if self.user is not None else None
                async with await Client.open(self.link.url, headers=headers, max_queue=1) as client:
                    await client.send(action="subscribe", subscriptions=self.subscriptions, since=self.last)
                    while not (end.is_set() and self.received and _id(self.received[-1]) >= last[0]):
                        message = await client.next()
                        assert message["type"] not in ("gap", "error"), message
                        if message.get("id"):
                            self.received.append(message)
                            self.last = message["id"]


def _id(message: dict[str, Any]) -> Id:
    command, index = message["id"].split(":")
    return int(command), int(index)


async def journal_ids(
    venue: Venue, since: Id, symbols: list[str], account: str
) -> dict[str, dict[str, list[Id]]]:
    """The ids after `since` by channel and symbol, from the journal itself."""
    js = await venue.platform.nats.jetstream()
    state = (await js.stream_info("ORDERS")).state
    found: dict[str, dict[str, list[Id]]] = {
        "trades": {s: [] for s in symbols},
        "orders": {"": []},
        "fills": {"": []},
    }
    for sequence in range(state.last_seq, 0, -1):
        message = await js.get_msg("ORDERS", sequence, direct=True)
        record = wire.decode_record(message.data or b"")
        if record["first_command"] + len(record["entries"]) <= since[0]:
            break
        for offset, entry in enumerate(record["entries"]):
            for index, event in enumerate(entry["events"]):
                _add_ids(
                    found,
                    (record["first_command"] + offset, index * item_ids.PLACES_PER_EVENT),
                    event,
                    entry["command"],
                    account,
                )
    return {
        channel: {key: sorted(id for id in ids if id > since) for key, ids in keys.items()}
        for channel, keys in found.items()
    }


def _add_ids(
    found: dict[str, dict[str, list[Id]]],
    at: Id,
    event: dict[str, Any],
    command: dict[str, Any],
    account: str,
) -> None:
    """Add to `found` the ids of the items that clients receive for one event at place `at`."""
    command_number, place = at
    kind = event["type"]
    if kind in ("trade_executed", "outside_traded") and event["symbol"] in found["trades"]:
        found["trades"][event["symbol"]].append((command_number, place + item_ids.TRADE))
    if kind == "trade_executed":
        for side, fill in (("maker", item_ids.MAKER_FILL), ("taker", item_ids.TAKER_FILL)):
            if event[side]["account"] == account:
                # The change of the order is one place before its fill.
                found["orders"][""].append((command_number, place + fill - 1))
                found["fills"][""].append((command_number, place + fill))
    own_change = kind.startswith("order_") and event["account"] == account
    refused = kind == "refused" and command["type"] == "place_order" and command["account"] == account
    if own_change or refused:
        found["orders"][""].append(at)


async def trade(venue: Venue, rng: random.Random, symbols: list[str], one: User, two: User) -> None:
    """Random activity of two users and the outside market."""
    for number in range(1, ROUNDS + 1):
        symbol = rng.choice(symbols)
        match rng.randrange(5):
            case 0:
                await asyncio.gather(
                    *(venue.print(symbol, "100", number) for _ in range(rng.randrange(1, 40)))
                )
            case 1:
                await venue.order(one, symbol, quantity=str(number), limit_price="99")
                await venue.market(two, symbol, "sell", str(rng.randrange(1, number + 1)))
            case 2:
                placed = await venue.order(one, symbol, limit_price="95", client_order_id=f"o-{rng.random()}")
                await venue.call(one, "DELETE", f"/api/v1/trading/orders/{placed['id']}")
            case 3:
                await venue.try_order(one, symbol, limit_price="99.991", client_order_id=f"r-{rng.random()}")
            case _:
                await venue.print(symbol, "100.5", number)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_received_ids_are_those_of_the_journal(venue: Venue, seed: int) -> None:
    rng = random.Random(seed)
    symbols = [await venue.instrument() for _ in range(3)]
    one, two = venue.user(), venue.user()
    async with await Client.open(venue.exchange.url, headers=one.key) as first:
        await first.subscribe(symbols[0], channels=["trades"])
        await venue.print(symbols[0], "100", 1)
        start = (await first.until("trade"))["id"]
    end, last = asyncio.Event(), [(0, 0)]
    mixes: list[dict[str, list[str]]] = [
        {"trades": symbols},
        {"trades": symbols[:1], "orders": [], "fills": []},
        {"orders": [], "fills": [], "quotes": symbols, "book": symbols[1:]},
        {"trades": symbols[1:], "quotes": symbols, "fills": []},
    ]
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for mix in mixes:
            for slow in (False, True):
                link = await stack.enter_async_context(Link(venue.exchange.url, rng, slow=slow).open())
                readers.append(Reader(link, mix, one, start))
        reading = [asyncio.create_task(reader.until(end, last)) for reader in readers]
        await trade(venue, rng, symbols, one, two)
        # The activity ends with a trade, an order change and a fill, so that each channel has a last item.
        await venue.order(one, symbols[1], quantity="1", limit_price="99.9")
        await venue.market(two, symbols[1], "sell", "1")
        expected = await journal_ids(venue, tuple(map(int, start.split(":"))), symbols, one.account_id)  # type: ignore[arg-type]
        last[0] = expected["fills"][""][-1]
        end.set()
        for reader in readers:
            reader.link.breaks = False
        for task in reading:
            await task
    for reader in readers:
        ids = [_id(message) for message in reader.received]
        assert ids == sorted(set(ids)), "one order over all channels, each once"
        for channel, kind in (("trades", "trade"), ("orders", "order"), ("fills", "fill")):
            if channel in reader.subscriptions:
                keys = reader.subscriptions[channel] or [""]
                known = sorted(id for key in keys for id in expected[channel][key])
                found = [_id(message) for message in reader.received if message["type"] == kind]
                assert [id for id in found if id <= last[0]] == [id for id in known if id <= last[0]], channel
    assert sum(reader.link.broken for reader in readers) > len(readers), "connections broke"


async def test_readers_that_never_read_do_not_stop_others(venue: Venue) -> None:
    """Forty connections ask for a replay and read nothing; another one gets its messages."""
    symbol = await venue.instrument(price=None)
    user = venue.user()
    async with await Client.open(venue.exchange.url) as first:
        await first.subscribe(symbol, channels=["trades"])
        await venue.print(symbol, "100", 1)
        start = (await first.until("trade"))["id"]
    for _ in range(30):
        await asyncio.gather(*(venue.print(symbol, "100", 7) for _ in range(100)))
    await venue.print(symbol, "100", 9)
    url = urlsplit(venue.exchange.url)
    stuck = []
    for _ in range(40):
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LINK_BYTES)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, (url.hostname, url.port))
        client = await Client.open(venue.exchange.url, sock=narrow, max_queue=1)
        await client.send(action="subscribe", symbols=[symbol], channels=["trades"], since=start)
        stuck.append(client)
    async with await Client.open(venue.exchange.url, headers=user.key) as other:
        await other.send(action="subscribe", symbols=[symbol], channels=["trades"], since=start)
        assert (await other.until("trade", quantity="9"))["price"] == "100"
        assert len(other.of("trade")) == 3_001
    for client in stuck:
        client.connection.transport.abort()


async def test_own_messages_have_the_ids_and_fields_of_http(venue: Venue) -> None:
    """The messages of an order have the same ids and fields as over HTTP."""
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    async with venue.fees(10, 30), await Client.open(venue.exchange.url, headers=one.key) as client:
        await client.subscribe(channels=["orders", "fills"])
        placed = await venue.order(
            one, symbol, quantity="3", limit_price="99.99", client_order_id="the-first"
        )
        await venue.market(two, symbol, "sell", "2")
        await client.until("fill")
        await venue.call(one, "DELETE", f"/api/v1/trading/orders/{placed['id']}")
        await client.until("order", change="closed")
        refused = await venue.try_order(one, symbol, limit_price="99.991", client_order_id="not-a-tick")
        rejected = await client.until("order", change="refused")
        assert rejected["order"]["status"] == "rejected"
        assert rejected["order"]["reason"] == refused.json()["code"]
        assert rejected["order"]["client_order_id"] == "not-a-tick"
        over_http = await venue.get_order(one, placed["id"])
        assert [m["type"] for m in client.received[-5:]] == ["order", "order", "fill", "order", "order"]
        changes = [message["change"] for message in client.of("order")]
        assert changes == ["accepted", "filled", "closed", "refused"]
        assert client.of("order")[2]["order"] == over_http
        assert client.of("order")[0]["order"]["created_at"] == over_http["created_at"]
        (fill,) = client.of("fill")
        (same,) = (await venue.get(one, "fills"))["items"]
        assert same.items() <= fill.items(), "every field is the same"
        assert (fill["client_order_id"], fill["remaining_quantity"]) == ("the-first", "1")
