"""relay with the chart's configuration, at a real nats-server with the chart's permissions.

It can do everything it needs, and the other NATS users cannot."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest

from cift.host.loading import load_functions
from cift.kernel.errors import Refused
from cift.platform import dead_letters
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from cift.run.servers import free_port
from tests.chart.helm import render
from tests.relay.process import Relay
from tests.stack import eventually
from tests.target import DEADLINE_S, until

USERS = ("engine", "relay", "functions", "operator")
MAIL = "notify.send_mail"


def config_map(name: str, key: str) -> str:
    found = [
        each["data"][key]
        for each in render("values-dev.yaml")
        if each["kind"] == "ConfigMap" and each["metadata"]["name"].endswith(name)
    ]
    assert len(found) == 1, name
    return str(found[0])


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A nats-server with the chart's configuration, except for addresses and folders. Yields its URL with
    `{}` in place of the user."""
    ports = {"0.0.0.0:4222": free_port(), "0.0.0.0:8222": free_port()}
    text = config_map("-nats", "nats.conf").replace("/data/nats", str(tmp_path / "jetstream"))
    text = re.sub(r"^include .*$", "", text, flags=re.MULTILINE)
    for address, port in ports.items():
        assert address in text
        text = text.replace(address, f"127.0.0.1:{port}")
    config = tmp_path / "nats.conf"
    config.write_text(text)
    secrets = {f"{user.upper()}_PASSWORD": f"of-{user}" for user in USERS}
    server = subprocess.Popen(
        [str(Path(sys.executable).parent / "nats-server"), "-c", str(config)],
        env={**os.environ, **secrets, "POD_NAME": "nats-0"},
        stderr=(tmp_path / "nats.log").open("w"),
    )
    yield f"nats://{{0}}:of-{{0}}@127.0.0.1:{ports['0.0.0.0:4222']}"
    server.terminate()
    server.wait(DEADLINE_S)


class Mailer(BaseHTTPRequestHandler):
    """A function that rejects the second message of EVENTS as poison while `refuses`."""

    protocol_version = "HTTP/1.1"
    refuses = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        first, last = int(self.headers["ce-first"]), int(self.headers["ce-last"])
        poison = Mailer.refuses and self.headers["ce-stream"] == "EVENTS" and first <= 2 <= last
        body = json.dumps({"code": "poison", "message": "no such address"}).encode() if poison else b""
        self.send_response(422 if poison else 204)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def mailer() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mailer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


async def connected(url: str, user: str) -> Any:
    async def quiet(_: Exception) -> None:
        pass

    async def connection() -> Any:
        try:
            return await nats.connect(
                url.format(user), error_cb=quiet, max_reconnect_attempts=0, connect_timeout=int(DEADLINE_S)
            )
        except (OSError, nats.errors.Error):
            return None

    return await until(connection, "nats-server accepts connections")


async def test_relay_has_the_permissions_it_needs_and_others_do_not(
    url: str, mailer: str, tmp_path: Path
) -> None:
    Mailer.refuses = True
    engine, operator = await connected(url, "engine"), await connected(url, "operator")
    streams = engine.jetstream()
    await streams.add_stream(name="ORDERS", subjects=["orders.main"])
    await streams.add_stream(name="EVENTS", subjects=["events.>"])
    await dead_letters.ensure_stream(operator.jetstream())
    for _ in range(5):
        await streams.publish("orders.main", b"a record")
        await streams.publish("events.a.fill", b"a fill")
    common = {"url": mailer, "batch": 5, "timeout_seconds": 20}
    handlers = [
        {"function": "trading.project_journal", "kind": "journal", "stream": "ORDERS", **common},
        {"function": MAIL, "kind": "stream", "stream": "EVENTS", "effects": True, **common},
    ]
    relay = Relay(url.format("relay"), handlers, tmp_path)
    functions = Platform(Settings(nats_url=url.format("functions")))
    try:
        await asyncio.to_thread(relay.wait_for, "trading.project_journal", "relay_sequence", 5)
        await asyncio.to_thread(relay.wait_for, MAIL, "relay_sequence", 5)
        (kept,) = await dead_letters.page(functions.nats, "main", None, 0, 10)
        assert (kept.letter.function, kept.letter.reason) == (MAIL, "no such address")
        with pytest.raises(Refused, match="no such address"):
            await dead_letters.replay(functions.nats, "main", kept)
        Mailer.refuses = False
        await dead_letters.replay(functions.nats, "main", kept)
        assert await dead_letters.page(functions.nats, "main", None, 0, 10) == []

        as_function = await functions.nats.client()
        moves = "$JS.API.CONSUMER.RESET.ORDERS.project_journal"
        for client, subject in (
            (as_function, moves),
            (operator, moves),
            (as_function, "$JS.API.STREAM.MSG.DELETE.DLQ"),
            (as_function, f"dlq.main.{MAIL}"),
        ):
            with pytest.raises((nats.errors.Error, TimeoutError)):
                await client.request(subject, b'{"seq": 1}', timeout=1)
        info = await streams.consumer_info("ORDERS", "project_journal")
        assert info.ack_floor.stream_seq == 5
    finally:
        await functions.close()
        await engine.close()
        await operator.close()
        assert relay.stop() == 0, relay.log


def test_relay_accepts_the_charts_configuration(tmp_path: Path) -> None:
    handlers = json.loads(config_map("-relay", "relay.json"))["handlers"]
    delivered = [function for function in load_functions() if function.kind in ("on", "every")]
    assert {handler["function"] for handler in handlers} == {function.name for function in delivered}
    relay = Relay(f"nats://127.0.0.1:{free_port()}", handlers, tmp_path)
    try:
        eventually(lambda: relay.metrics("trading.project_journal"), "relay serves its metrics")
        assert f'"handlers":{len(handlers)}' in relay.log
    finally:
        assert relay.stop() == 0, relay.log
