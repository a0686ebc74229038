"""A complete exchange for tests: the real supervisor with the real servers, in a temporary folder, on free
ports. Nothing is mocked, and no process is left behind: the supervisor's children end with it.

    with Stack.start(folder) as stack: ...   an exchange of its own, for tests that kill processes
    exchange (fixture)                       one per session, shared: restore what you change
"""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from cift.platform.settings import Settings
from cift.run.privilege import before_exec
from cift.run.servers import free_port
from tests.target import DEADLINE_S, PASSWORD, Target, User, eventually

__all__ = ["PASSWORD", "ROOT", "Stack", "User", "eventually"]
ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 120.0
_BINARIES = ("CIFT_MATCHD", "CIFT_RELAY")
_numbers = itertools.count()


class Stack(Target):
    """One exchange, run by a supervisor in a process of its own."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]", output: Path) -> None:
        self.folder, self.process, self.output = folder, process, output

    @classmethod
    def start(cls, folder: Path, *, wait: bool = True, port: int | None = None, **settings: str) -> "Stack":
        """Start an exchange in `folder`, which it creates. `settings` are CIFT_ variables:
        market="agents"."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_") or k in _BINARIES}
        variables = {
            "data": str(folder),
            "http_port": str(port or free_port()),
            "market": "none",
            "clickhouse_url": "none",
            "bcrypt_rounds": "4",
            "rate_limit_auth": "1000000",
            "rate_limit_public": "1000000",
            "rate_limit_failures": "1000000",
            "rate_limit": "1000000",
            **settings,
        }
        environment |= {f"CIFT_{name.upper()}": value for name, value in variables.items()}
        folder.parent.mkdir(parents=True, exist_ok=True)
        output = folder.with_suffix(f".{next(_numbers)}.out")
        with output.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "cift.run"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                # It stops in order also when the tests are killed.
                preexec_fn=before_exec(signal.SIGINT, drop_root=False),
            )
        stack = cls(folder, process, output)
        if wait:
            stack.wait_open()
        return stack

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def printed(self) -> str:
        """Everything that the supervisor printed."""
        return self.output.read_text()

    @property
    def run_file(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return found

    @property
    def url(self) -> str:
        return str(self.run_file["http_url"])

    def log(self, name: str) -> str:
        """A server's log: postgres, nats-server, valkey-server, matchd, functions."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    def pid(self, name: str) -> int:
        return int(self.run_file["children"][name])

    @property
    def stores(self) -> dict[str, str]:
        run = self.run_file
        return {name: run[name] for name in ("postgres_url", "nats_url", "valkey_url")}

    def settings(self, **changed: Any) -> Settings:
        return super().settings(**{"data": self.folder, **changed})

    def log_tail(self) -> str:
        return self.log("functions")[-3000:]

    def wait_open(self) -> None:
        def is_open() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the exchange did not start:\n{self.printed}")
            run = self.run_file  # perhaps still the file of an earlier run
            return bool(run["open"]) and run["pid"] == self.process.pid

        eventually(is_open, f"the exchange is open; it printed:\n{self.printed}", START_TIMEOUT_S)

    def wait_ready(self, timeout_s: float = DEADLINE_S) -> None:
        """Wait until /ready responds with 200: every store responds."""
        eventually(
            lambda: httpx.get(f"{self.url}/ready", timeout=DEADLINE_S).status_code == 200,
            "ready again",
            timeout_s,
        )

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal a server (by default kill -9); returns its pid."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def restarted(self, name: str, old_pid: int, timeout_s: float = DEADLINE_S) -> int:
        """Wait until the supervisor has restarted it; returns the new pid."""
        return int(
            eventually(lambda: (p := self.pid(name)) != old_pid and p, f"{name} is restarted", timeout_s)
        )

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the exchange did not stop:\n{self.printed}") from None
