"""A whole exchange for tests: the real supervisor with the real servers, in a temporary folder, on free
ports. Nothing is mocked, and nothing is left behind: the supervisor's children die with it.

    with Stack.start(folder) as stack: ...   its own, to be killed and tormented
    exchange (fixture)                       one a session, shared: leave it as you found it
"""

import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cift.platform.settings import Settings
from cift.run.privilege import before_exec
from cift.run.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.05
PASSWORD = "a password for tests"
_numbers = itertools.count()


def eventually(check: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """The first true answer of `check`; fails with `what` when there is none in time. Exceptions of a
    server that is not there (yet) count as no answer."""
    deadline = time.monotonic() + timeout_s
    last: BaseException | None = None
    while time.monotonic() < deadline:
        try:
            answer = check()
            if answer:
                return answer
        except (OSError, httpx.HTTPError, KeyError, ValueError) as error:
            last = error
        time.sleep(POLL_S)
    raise AssertionError(f"not within {timeout_s:g} s: {what}" + (f" ({last!r})" if last else ""))


@dataclass(frozen=True)
class User:
    """A registered user, logged in, with an API key."""

    user_id: str
    account_id: str
    username: str
    email: str
    password: str
    access_token: str
    refresh_token: str
    api_key: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    @property
    def key(self) -> dict[str, str]:
        return {"X-API-Key": self.api_key}


class Stack:
    """One exchange, run by a supervisor in a process of its own."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]", output: Path) -> None:
        self.folder, self.process, self.output = folder, process, output

    @classmethod
    def start(cls, folder: Path, *, wait: bool = True, port: int | None = None, **settings: str) -> "Stack":
        """Start an exchange in `folder` (made by it). `settings` are CIFT_ variables: market="agents"."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_") or k == "CIFT_MATCHD"}
        given = {
            "data": str(folder),
            "http_port": str(port or free_port()),
            "market": "none",
            "bcrypt_rounds": "4",
            "rate_limit_auth": "1000000",
            "rate_limit_public": "1000000",
            "rate_limit": "1000000",
            **settings,
        }
        environment |= {f"CIFT_{name.upper()}": value for name, value in given.items()}
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
                # Ends in order also when the tests are killed.
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

    # ── what it says ────────────────────────────────────────────────────────────────────────────
    @property
    def said(self) -> str:
        """All that the supervisor printed."""
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

    def settings(self, **changed: Any) -> Settings:
        """Settings with which this process reaches the exchange's stores."""
        run = self.run_file
        return Settings(
            data=self.folder,
            postgres_url=run["postgres_url"],
            nats_url=run["nats_url"],
            valkey_url=run["valkey_url"],
            **{"bcrypt_rounds": 4, **changed},
        )

    def wait_open(self) -> None:
        def is_open() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the exchange did not start:\n{self.said}")
            run = self.run_file  # perhaps still that of a run before
            return bool(run["open"]) and run["pid"] == self.process.pid

        eventually(is_open, f"the exchange is open; it said:\n{self.said}", START_TIMEOUT_S)

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Until /ready says so: every store answers."""
        eventually(
            lambda: httpx.get(f"{self.url}/ready", timeout=5).status_code == 200, "ready again", timeout_s
        )

    # ── what is done to it ──────────────────────────────────────────────────────────────────────
    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal a server (by default kill -9); returns the pid it had."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def restarted(self, name: str, old_pid: int, timeout_s: float = 30.0) -> int:
        """Wait until the supervisor has started it anew; returns the new pid."""
        return int(
            eventually(lambda: (p := self.pid(name)) != old_pid and p, f"{name} starts again", timeout_s)
        )

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the exchange did not stop:\n{self.said}") from None

    # ── users ───────────────────────────────────────────────────────────────────────────────────
    def new_user(self, scopes: tuple[str, ...] = ("read", "trade", "funds")) -> User:
        """Register a user with a unique name, log in, make an API key."""
        name = f"user{os.getpid()}x{next(_numbers)}x{secrets.token_hex(3)}"
        body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
        with httpx.Client(base_url=self.url, timeout=20) as client:
            registered = client.post("/api/v1/auth/register", json=body)
            assert registered.status_code == 201, registered.text
            login = client.post("/api/v1/auth/login", json={"username": name, "password": PASSWORD})
            assert login.status_code == 200, login.text
            pair = login.json()
            key = client.post(
                "/api/v1/auth/api-keys",
                json={"name": "tests", "scopes": list(scopes)},
                headers={"Authorization": f"Bearer {pair['access_token']}"},
            )
            assert key.status_code == 201, key.text
        view = registered.json()
        return User(
            view["user_id"],
            view["account_id"],
            name,
            body["email"],
            PASSWORD,
            pair["access_token"],
            pair["refresh_token"],
            key.json()["key"],
        )
