"""The responses of an event function while it runs, after a timeout and after an error; the limits of its
HTTP server."""

import asyncio
import socket
import sys
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from cift.function import Function, every, on
from cift.host import plain
from cift.host.plain import PlainServer, Request
from cift.host.push import PushApp
from cift.kernel.errors import Poison, Unavailable
from cift.platform import cloud_event
from cift.platform.journal import Batch
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from tests.host.test_cloud_event_batch import read
from tests.target import DEADLINE_S

DUE = {b"ce-type": cloud_event.DUE_TYPE.encode()}


def push_app(declare: Any, function: Any) -> PushApp:
    """The app of `function`, declared as if it were functions/tests/<name>.py."""
    module = types.ModuleType(f"functions.tests.{function.__name__}")
    sys.modules[module.__name__] = module
    function.__module__ = module.__name__
    function: Function = declare(function).__cift_function__
    return PushApp(function, Platform(Settings(log="off")))


async def post(to: PushApp, headers: dict[bytes, bytes], body: bytes = b"") -> tuple[int, bytes]:
    response = await to(Request("POST", "/", headers, body))
    return response.status, response.body


async def test_a_timer_that_still_runs_is_busy() -> None:
    go = asyncio.Event()
    calls = 0

    async def slow() -> None:
        nonlocal calls
        calls += 1
        await go.wait()

    timer = push_app(every("1s"), slow)
    running = asyncio.create_task(post(timer, DUE))
    await asyncio.sleep(0)
    status, body = await post(timer, DUE)
    assert status == 409 and b'"busy"' in body
    go.set()
    assert (await running)[0] == 204 and calls == 1
    assert (await post(timer, DUE))[0] == 204 and calls == 2


async def test_a_call_that_takes_too_long_is_cancelled_and_can_be_repeated() -> None:
    ended = []

    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    timer = push_app(every("1s", timeout_s=0.01), stuck)
    for _ in range(2):
        status, body = await post(timer, DUE)
        assert status == 503 and b'"timed_out"' in body
    assert ended == [True, True]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Poison("there is no such address"), 422, b'"poison"'),
        (
            Unavailable("database_unavailable", "The database does not response"),
            503,
            b'"database_unavailable"',
        ),
        (ZeroDivisionError("an internal detail"), 500, b'"internal"'),
        (TimeoutError("of a store"), 500, b'"internal"'),
    ],
)
async def test_only_poison_is_reported_as_poison(error: Exception, status: int, code: bytes) -> None:
    seen: list[Any] = []

    async def notify(batch: Batch) -> None:
        seen.extend(batch)
        raise error

    _, headers, body = read("events_with_headers")
    handler = push_app(on("EVENTS", effects=True), notify)
    sent, content = await post(handler, headers, body)
    assert (sent, [m.subject for m in seen]) == (status, ["events.0197a3f0.filled", "events.zürich"])
    assert code in content and b"an internal detail" not in content


@asynccontextmanager
async def served(handler: Any) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = PlainServer(handler)
    task = asyncio.create_task(server.serve(listener))
    try:
        yield listener.getsockname()[1]
    finally:
        server.stopping.set()
        await task


async def echo(request: Request) -> plain.Response:
    return plain.Response(200, request.body, [(b"x-path", request.path.encode())])


async def test_one_connection_serves_many_requests_including_chunked_ones() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one,"
        yield b"two"

    async with (
        served(echo) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client,
    ):
        for size in (0, 1, 300_000):
            response = await client.post("/a/b?c", content=b"x" * size)
            assert (response.status_code, len(response.content)) == (200, size)
            assert response.headers["x-path"] == "/a/b"
        assert (await client.post("/", content=parts())).content == b"one,two"
        head = await client.head("/")
        assert (head.status_code, head.content) == (200, b"")


async def raw(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()


async def test_an_invalid_or_too_large_request_is_refused_and_the_connection_closed(monkeypatch: Any) -> None:
    monkeypatch.setattr(plain, "BODY_BYTES_MAX", 1000)
    async with served(echo) as port:
        assert (await raw(port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        long = b"POST / HTTP/1.1\r\ncontent-length: 1001\r\n\r\n" + b"x" * 1001
        assert (await raw(port, long)).startswith(b"HTTP/1.1 413 ")
        many = b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * plain.HEADERS_BYTES_MAX + b"\r\n\r\n"
        assert (await raw(port, many)).startswith(b"HTTP/1.1 413 ")
        closed = await raw(port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
        assert closed.startswith(b"HTTP/1.1 200 ") and b"connection: close" in closed


async def test_a_request_that_does_not_arrive_closes_the_connection(monkeypatch: Any) -> None:
    monkeypatch.setattr(plain, "ARRIVES_WITHIN_S", 0.05)
    async with served(echo) as port:
        assert await raw(port, b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab") == b""


async def test_a_stop_waits_for_the_request_in_progress() -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> plain.Response:
        begun.set()
        await go.wait()
        return plain.Response(200, b"done", [])

    listener = socket.create_server(("127.0.0.1", 0))
    server = PlainServer(slow)
    task = asyncio.create_task(server.serve(listener))
    requested = asyncio.create_task(raw(listener.getsockname()[1], b"GET / HTTP/1.1\r\n\r\n"))
    await begun.wait()
    server.stopping.set()
    go.set()
    response = await requested
    assert response.startswith(b"HTTP/1.1 200 ") and response.endswith(b"done")
    await task
