"""`make up`, `down`, `logs` and the shells: an exchange in the background."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cift.run import background
from cift.run.servers import free_port
from tests.stack import ROOT
from tests.target import DEADLINE_S

TIMEOUT_S = 120.0


class Background:
    """An exchange that `up` starts, and its commands."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = f"http://127.0.0.1:{free_port()}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_") or k == "CIFT_MATCHD"}
        self.environment = kept | {
            "CIFT_DATA": str(data),
            "CIFT_HTTP_PORT": self.url.rpartition(":")[2],
            "CIFT_MARKET": "none",
            "CIFT_CLICKHOUSE_URL": "none",
            "CIFT_BCRYPT_ROUNDS": "4",
        }

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cift.run", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "cift.run", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Background]:
    made = Background(tmp_path_factory.mktemp("background") / "data")
    try:
        done = made.run("up")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Your API key" in done.stdout and "make down" in done.stdout
        yield made
    finally:
        made.run("down")


def test_up_returns_when_the_exchange_is_open(exchange: Background) -> None:
    assert httpx.get(f"{exchange.url}/ready", timeout=DEADLINE_S).status_code == 200
    assert (exchange.data / "logs" / "run.log").stat().st_mode & 0o777 == 0o600
    again = exchange.run("up")
    assert again.returncode == 0
    assert f"runs already (process {background.running_pid(exchange.data)})" in again.stdout


def test_db_shell_is_psql(exchange: Background) -> None:
    done = exchange.run("shell", "db", "-tAc", "SELECT username FROM users")
    assert (done.returncode, done.stdout.strip()) == (0, "demo"), done.stderr


def test_valkey_shell_prints_answers_and_errors(exchange: Background) -> None:
    done = exchange.run("shell", "valkey", stdin="PING\nNOSUCH\n\n")
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout and "error: unknown command" in done.stdout


def test_nats_shell_prints_messages(exchange: Background) -> None:
    shell = exchange.start("shell", "nats", "events.>")
    try:
        assert shell.stdout is not None
        assert shell.stdout.readline().startswith("Messages of events.>")
    finally:
        shell.send_signal(signal.SIGINT)
        shell.communicate(timeout=TIMEOUT_S)


@pytest.mark.parametrize(
    ("name", "setting"), [("clickhouse", "CIFT_CLICKHOUSE_URL"), ("questdb", "CIFT_QUESTDB_URL")]
)
def test_a_store_that_is_not_there_has_no_shell(exchange: Background, name: str, setting: str) -> None:
    done = exchange.run("shell", name)
    assert done.returncode == 1
    assert setting in done.stderr and "Traceback" not in done.stderr


def test_logs_follows_every_file(exchange: Background) -> None:
    logs = exchange.start("logs")
    try:
        assert logs.stdout is not None
        seen = ""
        for line in logs.stdout:
            seen += line
            if "matchd.log" in seen and "run.log" in seen:
                break
    finally:
        logs.kill()
        logs.communicate(timeout=TIMEOUT_S)


def test_up_reports_why_it_failed_and_down_is_harmless_without_an_exchange(tmp_path: Path) -> None:
    other = Background(tmp_path / "data")
    nothing = other.run("down")
    assert (nothing.returncode, "No exchange runs" in nothing.stdout) == (0, True)
    missing = other.run("logs")
    assert (missing.returncode, "there are no log files" in missing.stderr) == (1, True)
    other.environment["CIFT_MARKET"] = "moon"
    failed = other.run("up")
    assert failed.returncode == 1
    assert "CIFT_MARKET must be one of" in failed.stdout + failed.stderr


def test_down_stops_everything(tmp_path: Path) -> None:
    other = Background(tmp_path / "data")
    assert other.run("up").returncode == 0
    pid = background.running_pid(other.data)
    assert pid is not None
    done = other.run("down")
    assert (done.returncode, "has stopped" in done.stdout) == (0, True), done.stderr
    assert background.running_pid(other.data) is None
    assert not (other.data / "run.json").exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{other.url}/ready", timeout=DEADLINE_S)
