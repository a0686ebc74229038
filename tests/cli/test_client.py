"""The command line against a server that is absent, overloaded, or not an exchange.

These are real HTTP servers with prepared answers. test_commands.py tests a healthy exchange."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.target import DEADLINE_S

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(answers: list[Answer]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives these answers in order and repeats the last one."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(
                {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
            )
            status, headers, content = answers[min(len(seen), len(answers)) - 1]
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PATCH = answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cift(
    home: Path, url: str, *arguments: str, key: str | None = "cift_k_s"
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CIFT_")}
    environment |= {"CIFT_URL": url, "XDG_CONFIG_HOME": str(home)}
    if key is not None:
        environment["CIFT_API_KEY"] = key
    command = [sys.executable, "-m", "cift.cli", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def error(code: str, **more: str) -> bytes:
    return json.dumps({"code": code, "message": "A sentence", "request_id": "r", **more}).encode()


def test_an_absent_server_is_reported_in_one_line(tmp_path: Path) -> None:
    done = cift(tmp_path, "http://127.0.0.1:9", "quote", "SPY")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "cift: unreachable: no exchange answers at http://127.0.0.1:9: start it (make run), or set CIFT_URL\n"
    )


def test_without_a_login_nothing_is_sent(tmp_path: Path) -> None:
    with serving([(200, {}, b"{}")]) as (url, seen):
        done = cift(tmp_path, url, "portfolio", key=None)
    assert done.returncode == 1 and done.stderr.startswith("cift: not_logged_in: ")
    assert seen == []


def test_a_refusal_is_printed_with_code_message_and_field(tmp_path: Path) -> None:
    with serving([(422, {}, error("price_not_on_tick", field="limit_price"))]) as (url, seen):
        done = cift(tmp_path, url, "orders", "place", "SPY", "buy", "1", "--limit", "1.001")
    assert done.returncode == 1
    assert done.stderr == "cift: price_not_on_tick: A sentence (field limit_price)\n"
    assert len(seen) == 1, "a refusal is not sent again"


def test_an_order_with_unknown_outcome_is_sent_again_with_the_same_key_and_body(tmp_path: Path) -> None:
    retry = {"Retry-After": "0"}
    placed = json.dumps({"id": "o-1", "status": "filled", "symbol": "SPY"}).encode()
    answers = [
        (503, retry, error("outcome_unknown", id="o-1")),
        (503, retry, error("engine_unavailable")),
        (201, {}, placed),
    ]
    with serving(answers) as (url, seen):
        done = cift(tmp_path, url, "orders", "place", "SPY", "buy", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == "o-1"
    assert len(seen) == 3
    assert len({each["headers"]["Idempotency-Key"] for each in seen}) == 1
    assert len({each["body"] for each in seen}) == 1


def test_an_outcome_that_stays_unknown_is_reported_with_its_id(tmp_path: Path) -> None:
    with serving([(503, {"Retry-After": "0"}, error("outcome_unknown", id="o-7"))]) as (url, seen):
        done = cift(tmp_path, url, "orders", "place", "SPY", "sell", "1")
    assert done.returncode == 1 and done.stderr == "cift: outcome_unknown: A sentence (id o-7)\n"
    assert len(seen) == 4


def test_a_request_without_a_key_is_not_sent_again(tmp_path: Path) -> None:
    with serving([(503, {"Retry-After": "0"}, error("store_unavailable"))]) as (url, seen):
        done = cift(tmp_path, url, "keys", "create", "bot")
    assert done.returncode == 1 and len(seen) == 1


def test_an_answer_of_another_server_is_reported_as_unexpected(tmp_path: Path) -> None:
    with serving([(502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")]) as (url, _):
        done = cift(tmp_path, url, "me")
    assert done.returncode == 1 and done.stderr.startswith("cift: unexpected_answer: HTTP 502")
    assert "Traceback" not in done.stderr


def test_pages_are_followed_up_to_the_limit(tmp_path: Path) -> None:
    def page(first: int, cursor: str | None) -> bytes:
        items = [{"id": str(number)} for number in range(first, first + 3)]
        return json.dumps({"items": items, "next_cursor": cursor}).encode()

    with serving([(200, {}, page(0, "c1")), (200, {}, page(3, None))]) as (url, seen):
        done = cift(tmp_path, url, "fills", "-n", "10", "--json")
    assert [each["id"] for each in json.loads(done.stdout)] == ["0", "1", "2", "3", "4", "5"]
    assert "cursor=c1" in seen[1]["path"] and "limit=7" in seen[1]["path"]


def test_the_order_type_follows_from_the_prices(tmp_path: Path) -> None:
    cases: list[tuple[list[str], dict[str, Any]]] = [
        ([], {"type": "market"}),
        (["--limit", "5"], {"type": "limit", "limit_price": "5"}),
        (["--stop", "5"], {"type": "stop", "stop_price": "5"}),
        (["--stop", "5", "--limit", "6"], {"type": "stop_limit", "stop_price": "5", "limit_price": "6"}),
        (["--trail", "2%"], {"type": "trailing_stop", "trail_percent": "2"}),
        (["--trail", "0.50"], {"type": "trailing_stop", "trail_amount": "0.50"}),
        (
            ["--take-profit", "9", "--stop-loss", "4"],
            {"order_class": "bracket", "take_profit": {"limit_price": "9"}, "stop_loss": {"stop_price": "4"}},
        ),
        (["--limit", "9", "--stop-loss", "4", "--oco"], {"order_class": "oco", "type": "limit"}),
        (["--expire-at", "2030-01-01T00:00:00Z", "--limit", "5"], {"time_in_force": "gtd"}),
    ]
    with serving([(201, {}, b'{"id": "o"}')]) as (url, seen):
        for options, wanted in cases:
            done = cift(tmp_path, url, "orders", "place", "SPY", "buy", "1", *options, "--json")
            assert done.returncode == 0, done.stderr
            sent = json.loads(seen[-1]["body"])
            assert {name: sent.get(name) for name in wanted} == wanted, options


def test_options_that_contradict_each_other_are_a_usage_error(tmp_path: Path) -> None:
    for options in (["--trail", "1", "--limit", "5"], ["--stop-loss-limit", "3"], ["--oco", "--limit", "5"]):
        done = cift(tmp_path, "http://127.0.0.1:9", "orders", "place", "SPY", "buy", "1", *options)
        assert done.returncode == 2 and done.stderr.startswith("cift: usage: "), options


def test_every_command_has_help_and_json(tmp_path: Path) -> None:
    import typer.main

    from cift.cli.app import app

    def leaves(command: Any, words: list[str]) -> Iterator[tuple[list[str], Any]]:
        children = getattr(command, "commands", None)
        if children is None:
            yield words, command
        for name, child in (children or {}).items():
            yield from leaves(child, [*words, name])

    found = {" ".join(words): command for words, command in leaves(typer.main.get_command(app), [])}
    assert len(found) > 25
    for words, command in found.items():
        assert command.help, f"{words} has no help"
        assert any("--json" in parameter.opts for parameter in command.params), f"{words} has no --json"
