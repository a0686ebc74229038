"""The exchange in the background: `make up`, `make down` and `make logs`."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import orjson

POLL_S = 0.1
STOP_TIMEOUT_S = 120.0
LOG_LINES = 20


class NotDone(Exception):
    """The command could not be carried out; one sentence."""


def up(data: Path) -> None:
    """Start the exchange in the background, print what it prints, and return when it is open.

    It writes to logs/run.log. Ctrl-C while it starts stops it again.

    Raises:
        NotDone: it ended before it was open. The reason is printed.
    """
    pid = running_pid(data)
    if pid is not None:
        print(f"The exchange in {data} runs already (process {pid}).")
        return
    log = data / "logs" / "run.log"
    for folder in (data, log.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cift.run"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C and the end of the terminal do not reach it
        )
    try:
        with log.open("rb") as printed:
            while not _is_open(data, process.pid):
                if process.poll() is not None:
                    _copy(printed)
                    raise NotDone(f"the exchange ended with exit code {process.returncode}")
                _copy(printed)
                time.sleep(POLL_S)
            _copy(printed)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    print(f"\nIt runs in the background (process {process.pid}): make logs, make down.")


def down(data: Path) -> None:
    """Stop the exchange of this data folder and wait until it has ended.

    Raises:
        NotDone: it still runs after `STOP_TIMEOUT_S`.
    """
    pid = running_pid(data)
    if pid is None:
        print(f"No exchange runs with the data folder {data}.")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while running_pid(data) == pid:
        if time.monotonic() > deadline:
            raise NotDone(f"process {pid} still runs {STOP_TIMEOUT_S:.0f} s after SIGTERM: see `make logs`")
        time.sleep(POLL_S)
    print("The exchange has stopped.")


def logs(data: Path) -> None:
    """Follow all log files of the data folder, in this process' place.

    Raises:
        NotDone: there are none.
    """
    files = sorted(str(path) for path in (data / "logs").glob("*.log"))
    if not files:
        raise NotDone(f"there are no log files in {data / 'logs'}: start the exchange with `make up`")
    os.execvp("tail", ["tail", "-n", str(LOG_LINES), "-F", *files])  # noqa: S606


def running_pid(data: Path) -> int | None:
    """The process that holds the data folder, None where no exchange runs with it."""
    try:
        with (data / "lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read() or 0) or None
    except OSError:
        pass
    return None


def _is_open(data: Path, pid: int) -> bool:
    try:
        found = orjson.loads((data / "run.json").read_bytes())
    except (OSError, ValueError):
        return False
    return bool(found["open"]) and found["pid"] == pid


def _copy(printed: BinaryIO) -> None:
    sys.stdout.buffer.write(printed.read())
    sys.stdout.flush()
