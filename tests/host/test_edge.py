"""What one caller may use of a connection before its request is known: a real exchange, over raw sockets."""

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from cift.host import edge
from cift.kernel.addresses import network_of
from tests.host.alone import alone
from tests.stack import Stack
from tests.streams.client import PATH, Client
from tests.target import DEADLINE_S
from tests.venue import Venue, venue

__all__ = ["venue"]
PING = 0x9
CONTINUATION = 0x0


class Raw:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def all(self) -> bytes:
        """Everything until the other side closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), DEADLINE_S)
        except ConnectionResetError:
            return b""

    async def upgrade(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        self.writer.write(head.encode())
        answer = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
        assert b" 101 " in answer.splitlines()[0], answer


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Raw]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A masked frame of a client."""
    assert len(payload) < 126
    return struct.pack("!BB4s", (0x80 if fin else 0) | opcode, 0x80 | len(payload), bytes(4)) + payload


@pytest.mark.parametrize("opcode", [PING, 0xA, CONTINUATION])
async def test_frames_of_every_kind_are_counted(venue: Venue, opcode: int) -> None:
    """Empty pings from one anonymous socket made another user's order take nine seconds."""
    async with connected(venue.exchange.url) as attacker:
        await attacker.upgrade()
        if opcode == CONTINUATION:
            attacker.writer.write(frame(0x1, fin=False))
        attacker.writer.write(frame(opcode, fin=opcode != CONTINUATION) * 50_000)
        received = await attacker.all()
    assert b"rate_limited" in received, received[-200:]


async def test_an_order_is_placed_while_sockets_send_pings(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    placed = asyncio.Event()

    async def attack() -> None:
        while not placed.is_set():
            try:
                async with connected(venue.exchange.url) as attacker:
                    await attacker.upgrade()
                    while not placed.is_set():
                        attacker.writer.write(frame(PING) * 10_000)
                        await asyncio.wait_for(attacker.writer.drain(), DEADLINE_S)
                        if attacker.reader.at_eof():
                            break
                        await asyncio.sleep(0)
            except OSError:
                continue

    attacks = [asyncio.create_task(attack()) for _ in range(4)]
    for number in range(20):
        await venue.order(user, symbol, limit_price=f"9{number % 10}.0{number % 9 + 1}")
    placed.set()
    await asyncio.gather(*attacks, return_exceptions=True)


@pytest.mark.parametrize(
    "head", [b"GET /" + b"a" * 60_000, b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 60_000]
)
async def test_a_head_that_is_too_large_is_refused(venue: Venue, head: bytes) -> None:
    async with connected(venue.exchange.url) as caller:
        caller.writer.write(head)
        answer = await caller.all()
    assert answer.startswith(b"HTTP/1.1 431 "), answer[:100]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "head_too_large"


async def test_a_complete_head_that_is_too_large_is_refused_too(venue: Venue) -> None:
    async with connected(venue.exchange.url) as caller:
        caller.writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 60_000 + b"\r\n\r\n")
        assert (await caller.all()).startswith(b"HTTP/1.1 431 ")
    body = json.dumps({"username": "x", "password": "y" * 50_000}).encode()
    response = await venue.http.post(
        "/api/v1/auth/login", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code in (401, 413, 422), "a large body is not a large head"


async def test_a_head_that_never_ends_is_closed(exchange: Stack) -> None:
    async with connected(exchange.url) as caller:
        caller.writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        answer = await caller.all()
    assert answer.startswith(b"HTTP/1.1 408 "), answer[:100]
    async with connected(exchange.url) as silent:
        assert await silent.all() == b""


async def test_invalid_http_gets_an_error_in_our_form(venue: Venue) -> None:
    async with connected(venue.exchange.url) as caller:
        caller.writer.write(b"\x00\x01\x02 nonsense\r\n\r\n")
        answer = await caller.all()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "invalid_http"


async def test_connections_of_one_address_are_limited(exchange: Stack) -> None:
    with alone("streams.stream", exchange, CIFT_LOG="off", CIFT_CONNECTIONS_PER_ADDRESS="20") as url:
        clients = [await Client.open(url) for _ in range(20)]
        async with connected(url) as refused:
            refused.writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert await refused.all() == b""
        for client in clients:
            await client.connection.close()
        async with asyncio.timeout(DEADLINE_S):
            while True:  # the connections are gone from the count
                try:
                    async with httpx.AsyncClient(timeout=DEADLINE_S) as http:
                        assert (await http.get(f"{url}/health")).status_code == 200
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)


def test_a_listening_socket_notices_peers_that_are_gone() -> None:
    with socket.socket() as listener:
        edge.watch_peer(listener)
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == edge.PROBE_AFTER_S
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == edge.UNREAD_TIMEOUT_MS


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        (None, "unknown"),
        ("nobody", "nobody"),
    ],
)
def test_callers_are_counted_by_network(address: str | None, network: str) -> None:
    assert network_of(address) == network
