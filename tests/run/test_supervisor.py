"""The supervisor of `make run`: it starts and stops everything, restarts what ends, and reports errors in one
sentence."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cift.run.folder import FORMAT, DataFolder
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
    """The supervisor and all its descendants, including PostgreSQL's own processes."""
    supervisor = psutil.Process(stack.process.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def assert_ended(processes: list[psutil.Process]) -> None:
    def left() -> list[psutil.Process]:
        return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    eventually(lambda: not left(), f"all of these have ended: {processes}")


def registered(stack: Stack) -> User | None:
    """A new user, or None while the exchange cannot register one."""
    try:
        return stack.new_user()
    except AssertionError:
        return None


SERVERS = ["postgres", "nats-server", "valkey-server", "matchd", "functions", "events", "relay"]


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_server_is_restarted(stack: Stack, name: str) -> None:
    user = stack.new_user()
    pid = stack.kill(name)
    new = stack.restarted(name, pid)
    assert new != pid
    stack.wait_ready()
    eventually(
        lambda: (
            httpx.get(f"{stack.url}/api/v1/auth/me", headers=user.key, timeout=DEADLINE_S).status_code == 200
        ),
        "GET /auth/me succeeds again",
    )
    # The engine accepts commands again: a new user gets an account.
    assert eventually(lambda: registered(stack), "registration succeeds again").account_id
    assert f"{name} ended unexpectedly (SIGKILL)" in stack.printed


def test_all_servers_killed_at_once_are_restarted(stack: Stack) -> None:
    pids = {name: stack.kill(name) for name in reversed(SERVERS)}
    for name, pid in pids.items():
        stack.restarted(name, pid)
    stack.wait_ready()
    assert stack.new_user().account_id


def test_the_market_has_its_own_process(tmp_path: Path) -> None:
    """It is restarted without an effect on the functions, and serves its own metrics."""
    with Stack.start(tmp_path / "data", market="agents") as stack:
        functions, old = stack.pid("functions"), stack.kill("market")
        stack.restarted("market", old)
        metrics = f"http://{stack.run_file['market_metrics']}/metrics"
        eventually(
            lambda: "cift_" in httpx.get(metrics, timeout=DEADLINE_S).text,
            "the market serves its metrics again",
        )
        assert stack.pid("functions") == functions and "run_agents" not in stack.log("functions")


def test_the_market_s_ticks_are_stored_by_default(tmp_path: Path) -> None:
    """`make run` without CIFT_CLICKHOUSE_URL uses the embedded store."""
    with Stack.start(tmp_path / "data", market="replay", speed="60", clickhouse_url="") as stack:
        bars = f"{stack.url}/api/v1/market-data/bars/SPY"
        query = {"source": "outside", "interval": "1s", "limit": "1"}
        eventually(
            lambda: httpx.get(bars, params=query, timeout=DEADLINE_S).json().get("items"),
            "outside bars of SPY",
        )


def test_a_second_instance_is_refused(stack: Stack, folder: Path) -> None:
    second = Stack.start(folder, wait=False)
    assert second.process.wait(DEADLINE_S) == 1
    printed = second.printed
    assert f"already runs with the data folder {folder} (process {stack.process.pid})" in printed
    assert "Traceback" not in printed
    stack.wait_ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_process_and_the_next_start_has_all_data(
    tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    folder = tmp_path_factory.mktemp("stopped") / "data"
    stack = Stack.start(folder)
    assert (
        "Your API key" in stack.printed and "/docs" in stack.printed and stack.printed.count("  curl ") == 3
    )
    user = stack.new_user()
    processes = family(stack)
    assert len(processes) > 6
    assert stack.stop(number) == 0
    assert_ended(processes)
    assert "Everything has stopped." in stack.printed
    assert not (folder / "run.json").exists() and not (folder / "sockets").exists()
    with Stack.start(folder) as again:
        assert "open again with its data" in again.printed and "make key" in again.printed
        assert "Your API key" not in again.printed
        me = httpx.get(f"{again.url}/api/v1/auth/me", headers=user.key, timeout=DEADLINE_S).json()
        assert me["account_id"] == user.account_id
        bearer = httpx.get(f"{again.url}/api/v1/auth/me", headers=user.bearer, timeout=DEADLINE_S)
        assert bearer.status_code == 200, "the signing keys are the same"


def test_killing_the_supervisor_leaves_no_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("killed") / "data"
    stack = Stack.start(folder)
    user = stack.new_user()
    processes = family(stack)
    stack.process.kill()
    stack.process.wait(DEADLINE_S)
    assert_ended(processes)
    with Stack.start(folder) as again:
        assert (
            httpx.get(f"{again.url}/api/v1/auth/me", headers=user.key, timeout=DEADLINE_S).status_code == 200
        )


def test_the_printed_key_and_later_keys_work(stack: Stack, folder: Path) -> None:
    key = next(word for word in stack.printed.split() if word.startswith("cift_"))
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


def refuses(folder: Path, words: str, **settings: str) -> None:
    """Assert that `make run` ends with one sentence that contains `words`."""
    stack = Stack.start(folder, wait=False, **settings)
    assert stack.process.wait(DEADLINE_S) == 1
    assert words in stack.printed and "Traceback" not in stack.printed, stack.printed
    assert stack.printed.strip().splitlines()[-1].startswith("CIFT Markets cannot start: ")


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refuses(tmp_path / "data", f"port {port} on 127.0.0.1 cannot be used", http_port=str(port))
    assert not (tmp_path / "data" / "postgres").exists(), "the port is checked first"


def test_a_missing_engine(tmp_path: Path) -> None:
    refuses(tmp_path / "data", "run `make build`", matchd=str(tmp_path / "nothing"))


def test_invalid_settings(tmp_path: Path) -> None:
    refuses(tmp_path / "data", "CIFT_MARKET must be one of", market="moon")


def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("years of work")
    refuses(tmp_path / "data", "is not a data folder of CIFT Markets (it contains thesis.tex)")


def test_an_incomplete_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "keys").mkdir(parents=True)
    (folder / "exchange.json").write_text(json.dumps({"format": FORMAT, "complete": True}))
    refuses(folder, "is incomplete: PostgreSQL's data (postgres/PG_VERSION) is missing")
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("18")
    refuses(folder, "is incomplete: the journal (nats/jetstream) is missing")
    (folder / "exchange.json").write_text("{")
    refuses(folder, "cannot be read: restore it from a copy")


@pytest.mark.parametrize("complete", [True, False])
def test_the_folder_of_an_older_release_is_refused_and_left_unchanged(tmp_path: Path, complete: bool) -> None:
    folder = tmp_path / "data"
    (folder / "keys").mkdir(parents=True)
    (folder / "postgres").mkdir()
    if complete:  # format 1 had no exchange.json before its first start was complete
        (folder / "exchange.json").write_text('{"format": 1}')
    before = sorted(path.name for path in folder.iterdir())
    refuses(
        folder,
        f"the data folder {folder} was written by an older release (format 1; this release uses {FORMAT}):"
        " start it with that release, or move the folder away to start a new exchange",
    )
    assert sorted(path.name for path in folder.iterdir() if path.name != "lock") == before


def test_the_folder_of_a_later_release_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "exchange.json").write_text(json.dumps({"format": 99, "complete": True}))
    refuses(folder, f"was written by another release (format 99; this release uses {FORMAT})")


def test_a_new_folder_has_its_format_before_anything_else(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.acquire()
    assert folder.read("exchange.json") == {"format": FORMAT, "complete": False}
    assert (folder.is_complete, folder.was_interrupted) == (False, False)
    folder.complete()
    assert folder.read("exchange.json") == {"format": FORMAT, "complete": True}
    assert folder.is_complete
    folder.release()


def test_an_interrupted_first_start_is_continued(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    stack = Stack.start(folder, wait=False)
    begun = (folder / "postgres.partial" / "PG_VERSION", folder / "postgres")
    eventually(lambda: any(each.exists() for each in begun), "the database is being made")
    stack.process.kill()
    stack.process.wait(DEADLINE_S)
    with Stack.start(folder) as again:
        assert "An earlier first start was interrupted" in again.printed and "Your API key" in again.printed


def test_a_folder_with_a_long_path_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 10) / "data"
    folder.parent.mkdir(parents=True)
    with Stack.start(folder) as stack:
        stack.wait_ready()
        elsewhere = Path(stack.run_file["postgres_url"].partition("host=")[2])
        assert len(str(elsewhere)) < 90 and elsewhere.exists()
    assert not elsewhere.exists()
