"""The cluster's long-running processes. Each has a file `run/NAME.process` and a log `run/logs/NAME.log`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster.local.places import LOGS, ROOT, RUN

END_TRIES, END_POLL_S = 100, 0.1
"""After TERM; then KILL."""
WAIT_TIMEOUT_S, WAIT_POLL_S = 180.0, 0.5


def start(name: str, *command: str | Path) -> None:
    words = [str(part) for part in command]
    with (LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    record = {"pid": process.pid, "birth": birth(process.pid), "command": words}
    (RUN / f"{name}.process").write_text(json.dumps(record))


def known() -> dict[str, Any]:
    """The record of each process that was started, by name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(RUN.glob("*.process"))}


def birth(pid: int) -> str:
    """The kernel's start time of a process, '' for a zombie. A pid that is used again has another."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return "" if fields[0] == "Z" else fields[19]


def running() -> dict[str, int]:
    """The pid of each process that runs, by name."""
    found = {}
    for name, process in known().items():
        try:
            if birth(process["pid"]) == process["birth"]:
                found[name] = int(process["pid"])
        except OSError:
            pass  # it has ended
    return found


def wait_for(what: str, test: Callable[[], Any], timeout_s: float = WAIT_TIMEOUT_S) -> None:
    """Return when `test` is true. Exits the program if a process ends before, or at the timeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if test():
                return
        except (OSError, subprocess.CalledProcessError, ValueError, KeyError):
            pass  # not yet
        ended = set(known()) - set(running())
        if ended:
            sys.exit(f"cluster: {what}: {', '.join(sorted(ended))} ended; logs are in {LOGS}")
        if time.monotonic() > deadline:
            sys.exit(f"cluster: {what}: not within {timeout_s:g} s; logs are in {LOGS}")
        time.sleep(WAIT_POLL_S)


def kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has ended


def end(name: str, pid: int) -> None:
    """TERM, and KILL where that does not end it."""
    kill(pid, signal.SIGTERM)
    for _ in range(END_TRIES):
        if name not in running():
            return
        time.sleep(END_POLL_S)
    kill(pid, signal.SIGKILL)


def stop(name: str, how: str = "TERM") -> None:
    """Send one process a signal, as a fault: TERM, KILL, STOP (freeze) or CONT (continue)."""
    found = running()
    if name not in found:
        sys.exit(f"cluster: {name} is not running; running processes: {', '.join(found)}")
    kill(found[name], signal.Signals[f"SIG{how}"])


def restart(name: str) -> None:
    """Start a process again with the same command; end it first if it runs."""
    process = known().get(name)
    if process is None:
        sys.exit(f"cluster: no process is called {name}; known processes: {', '.join(known())}")
    found = running()
    if name in found:
        end(name, found[name])
    start(name, *process["command"])


def must_be_up() -> None:
    if "ingress" not in running():
        sys.exit("cluster: not up; run `up` first")
