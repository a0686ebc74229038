"""`make run`'s supervisor: starts whole, heals, stops whole, and says in one sentence what is wrong."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.stack import Stack, User, eventually
from tests.target import DEADLINE_S


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("supervised") / "data"


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[Stack]:
    with Stack.start(folder) as stack:
        yield stack


def family(stack: Stack) -> list[psutil.Process]:
    """The supervisor and everything below it (PostgreSQL's own processes too)."""
    supervisor = psutil.Process(stack.process.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> None:
    def left() -> list[psutil.Process]:
        return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    eventually(lambda: not left(), f"all of these have ended: {processes}")


def registered(stack: Stack) -> User | None:
    """A new user, or None while the exchange cannot register one."""
    try:
        return stack.new_user()
    except AssertionError:
        return None


# ── healing ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", ["postgres", "nats-server", "valkey-server", "matchd", "functions"])
def test_a_killed_server_heals_by_itself(stack: Stack, name: str) -> None:
    user = stack.new_user()
    pid = stack.kill(name)
    new = stack.restarted(name, pid)
    assert new != pid
    stack.wait_ready()
    eventually(
        lambda: (
            httpx.get(f"{stack.url}/api/v1/auth/me", headers=user.key, timeout=DEADLINE_S).status_code == 200
        ),
        "me again",
    )
    # The engine takes commands again: a new user gets an account.
    assert eventually(lambda: registered(stack), "registration again").account_id
    assert f"{name} ended unasked (SIGKILL)" in stack.said


def test_all_at_once(stack: Stack) -> None:
    names = ["functions", "matchd", "valkey-server", "nats-server", "postgres"]
    pids = {name: stack.kill(name) for name in names}
    for name, pid in pids.items():
        stack.restarted(name, pid)
    stack.wait_ready()
    assert stack.new_user().account_id


def test_the_market_is_a_process_of_its_own(tmp_path: Path) -> None:
    """Killed it heals, and the functions never notice; it says its own metrics."""
    with Stack.start(tmp_path / "data", market="agents") as stack:
        functions, old = stack.pid("functions"), stack.kill("market")
        stack.restarted("market", old)
        said = f"http://{stack.run_file['market_metrics']}/metrics"
        eventually(
            lambda: "cift_" in httpx.get(said, timeout=DEADLINE_S).text, "the market says its metrics again"
        )
        assert stack.pid("functions") == functions and "run_agents" not in stack.log("functions")


def test_the_markets_ticks_are_kept_where_nothing_is_said_of_a_store(tmp_path: Path) -> None:
    """As `make run` is, with the embedded store that it brings."""
    with Stack.start(tmp_path / "data", market="replay", speed="60", clickhouse_url="") as stack:
        bars = f"{stack.url}/api/v1/market-data/bars/SPY"
        asked = {"source": "outside", "interval": "1s", "limit": "1"}
        eventually(
            lambda: httpx.get(bars, params=asked, timeout=DEADLINE_S).json().get("items"),
            "outside bars of SPY",
        )


# ── one at a time ───────────────────────────────────────────────────────────────────────────────
def test_a_second_instance_is_refused(stack: Stack, folder: Path) -> None:
    second = Stack.start(folder, wait=False)
    assert second.process.wait(DEADLINE_S) == 1
    said = second.said
    assert f"runs with the data folder {folder} already (process {stack.process.pid})" in said
    assert "Traceback" not in said
    stack.wait_ready()


# ── stopping ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_nothing_and_the_next_start_finds_everything(
    tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    folder = tmp_path_factory.mktemp("stopped") / "data"
    stack = Stack.start(folder)
    assert "Your API key" in stack.said and "/docs" in stack.said and stack.said.count("  curl ") == 3
    user = stack.new_user()
    processes = family(stack)
    assert len(processes) > 6
    assert stack.stop(number) == 0
    gone(processes)
    assert "Everything has stopped." in stack.said
    assert not (folder / "run.json").exists() and not (folder / "sockets").exists()
    with Stack.start(folder) as again:
        assert "everything was found" in again.said and "make key" in again.said
        assert "Your API key" not in again.said
        me = httpx.get(f"{again.url}/api/v1/auth/me", headers=user.key, timeout=DEADLINE_S).json()
        assert me["account_id"] == user.account_id
        bearer = httpx.get(f"{again.url}/api/v1/auth/me", headers=user.bearer, timeout=DEADLINE_S)
        assert bearer.status_code == 200, "signing keys are kept"


def test_killing_the_supervisor_leaves_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("killed") / "data"
    stack = Stack.start(folder)
    user = stack.new_user()
    processes = family(stack)
    stack.process.kill()
    stack.process.wait(DEADLINE_S)
    gone(processes)
    with Stack.start(folder) as again:
        assert (
            httpx.get(f"{again.url}/api/v1/auth/me", headers=user.key, timeout=DEADLINE_S).status_code == 200
        )


def test_the_printed_key_and_the_keys_made_later_work(stack: Stack, folder: Path) -> None:
    key = next(word for word in stack.said.split() if word.startswith("cift_"))
    me = httpx.get(f"{stack.url}/api/v1/auth/me", headers={"X-API-Key": key}, timeout=DEADLINE_S).json()
    assert me["username"] == "demo" and me["status"] == "active"
    import subprocess
    import sys

    environment = os.environ | {"CIFT_DATA": str(folder)}
    made = subprocess.run(
        [sys.executable, "-m", "cift.run", "key"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert made.returncode == 0, made.stderr
    headers = {"X-API-Key": made.stdout.strip()}
    assert (
        httpx.get(f"{stack.url}/api/v1/auth/me", headers=headers, timeout=DEADLINE_S).json()["username"]
        == "demo"
    )


# ── what is wrong, in one sentence ──────────────────────────────────────────────────────────────
def refuses(folder: Path, words: str, **settings: str) -> None:
    stack = Stack.start(folder, wait=False, **settings)
    assert stack.process.wait(DEADLINE_S) == 1
    assert words in stack.said and "Traceback" not in stack.said, stack.said
    assert stack.said.strip().splitlines()[-1].startswith("CIFT Markets cannot start: ")


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refuses(tmp_path / "data", f"port {port} on 127.0.0.1 cannot be used", http_port=str(port))
    assert not (tmp_path / "data" / "postgres").exists(), "nothing is made before it is known"


def test_a_missing_engine(tmp_path: Path) -> None:
    refuses(tmp_path / "data", "run `make build`", matchd=str(tmp_path / "nothing"))


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    refuses(tmp_path / "data", "CIFT_MARKET must be one of", market="moon")


def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("years of work")
    refuses(tmp_path / "data", "is not a data folder of CIFT Markets (it holds thesis.tex)")


def test_a_half_written_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "keys").mkdir(parents=True)
    (folder / "exchange.json").write_text(json.dumps({"format": 1}))
    refuses(folder, "is incomplete: PostgreSQL's data (postgres/PG_VERSION) is missing")
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("18")
    refuses(folder, "is incomplete: the journal (nats/jetstream) is missing")
    (folder / "exchange.json").write_text("{")
    refuses(folder, "cannot be read: restore it from a backup")
    (folder / "exchange.json").write_text(json.dumps({"format": 99}))
    refuses(folder, "has format 99, this release knows 1")


def test_an_interrupted_first_start_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    stack = Stack.start(folder, wait=False)
    begun = (folder / "postgres.partial" / "PG_VERSION", folder / "postgres")
    eventually(lambda: any(each.exists() for each in begun), "the database is being made")
    stack.process.kill()
    stack.process.wait(DEADLINE_S)
    with Stack.start(folder) as again:
        assert "An earlier first start was interrupted" in again.said and "Your API key" in again.said


def test_a_deep_folder_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 10) / "data"
    folder.parent.mkdir(parents=True)
    with Stack.start(folder) as stack:
        stack.wait_ready()
        elsewhere = Path(stack.run_file["postgres_url"].partition("host=")[2])
        assert len(str(elsewhere)) < 90 and elsewhere.exists()
    assert not elsewhere.exists()
