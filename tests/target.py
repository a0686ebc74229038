"""The interface of an exchange for tests: its HTTP API, its stores, its users.

    Stack (tests/stack.py)   started by the tests, with real servers on this machine
    Elsewhere                already running, named by CIFT_TEST_URL and the URLs of its stores, such as the
                             release of tests/cluster behind its gateway

The tests of the API (tests/api) and the traders (tests/faults) use only this interface, so they run against
both.
"""

import asyncio
import itertools
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cift.kernel.errors import OutcomeUnknown, Refused, Unavailable
from cift.platform.engine import Engine
from cift.platform.settings import Settings

POLL_S = 0.05
DEADLINE_S = 60.0
"""How long a test waits for what must happen. It is long because a slow machine must not fail a test."""
PASSWORD = "a password for tests"
_numbers = itertools.count()


def eventually(
    check: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S, poll_s: float = POLL_S
) -> Any:
    """The first true result of `check`; fails with `what` after `timeout_s`. Errors of a server that is not
    reachable count as false."""
    deadline = time.monotonic() + timeout_s
    last: BaseException | None = None
    while time.monotonic() < deadline:
        try:
            result = check()
            if result:
                return result
        except (OSError, httpx.HTTPError, KeyError, ValueError) as error:
            last = error
        time.sleep(poll_s)
    raise AssertionError(f"not within {timeout_s:g} s: {what}" + (f" ({last!r})" if last else ""))


async def until(check: Callable[[], Awaitable[Any]], what: str, timeout_s: float = DEADLINE_S) -> Any:
    """`eventually` for an asynchronous `check`."""
    deadline = time.monotonic() + timeout_s
    while not (answer := await check()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(POLL_S)
    return answer


APPLIED_BEFORE = {"account_exists", "duplicate_transfer", "stale_source_sequence"}


async def submit(engine: Engine, command: Any) -> None:
    """Submit a command that the engine must accept.

    Sends it again while its outcome is unknown: tests that block the event loop for long lose the connection
    to NATS. A refusal of the second attempt because of the first one counts as accepted.
    """
    deadline = time.monotonic() + DEADLINE_S
    sent = False
    while True:
        try:
            await engine.submit(command)
            return
        except Refused as refused:
            if sent and refused.code in APPLIED_BEFORE:
                return
            raise
        except (OutcomeUnknown, Unavailable):
            assert time.monotonic() < deadline, f"no answer of the engine within {DEADLINE_S:g} s: {command}"
            sent = True


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


class Target(ABC):
    """See the module's docstring."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The address of its API."""

    @property
    @abstractmethod
    def stores(self) -> dict[str, str]:
        """postgres_url, nats_url and valkey_url of its functions."""

    @property
    def journal_url(self) -> str:
        """NATS, with a login that may read the journal record by record."""
        return self.stores["nats_url"]

    @abstractmethod
    def log_tail(self) -> str:
        """The end of its functions' log, for the message of a failure."""

    def settings(self, **changed: Any) -> Settings:
        """Settings with which this process reaches the exchange's stores."""
        return Settings(**{**self.stores, "bcrypt_rounds": 4, **changed})

    def new_user(self, scopes: tuple[str, ...] = ("read", "trade", "funds")) -> User:
        """Register a user with a unique name, log in, create an API key."""
        name = f"user{os.getpid()}x{next(_numbers)}x{secrets.token_hex(3)}"
        body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
        with httpx.Client(base_url=self.url, timeout=DEADLINE_S) as client:
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


class Elsewhere(Target):
    """An exchange that runs before and after the tests."""

    def __init__(self, url: str, stores: dict[str, str], journal_url: str, folder: Path) -> None:
        self._url, self._stores, self._journal_url, self._folder = url, stores, journal_url, folder

    @classmethod
    def of_environment(cls, folder: Path) -> "Elsewhere | None":
        """The exchange that CIFT_TEST_URL names; CIFT_POSTGRES_URL, CIFT_NATS_URL and CIFT_VALKEY_URL must
        then name its stores. None if CIFT_TEST_URL is not set."""
        url = os.environ.get("CIFT_TEST_URL")
        if not url:
            return None
        wanted = ("postgres_url", "nats_url", "valkey_url")
        stores = {name: os.environ.get(f"CIFT_{name.upper()}", "") for name in wanted}
        missing = [f"CIFT_{name.upper()}" for name, value in stores.items() if not value]
        assert not missing, f"CIFT_TEST_URL is set, so set {', '.join(missing)} too"
        return cls(url, stores, os.environ.get("CIFT_TEST_JOURNAL_URL") or stores["nats_url"], folder)

    @property
    def url(self) -> str:
        return self._url

    @property
    def stores(self) -> dict[str, str]:
        return self._stores

    @property
    def journal_url(self) -> str:
        return self._journal_url

    def settings(self, **changed: Any) -> Settings:
        return super().settings(**{"data": self._folder, **changed})

    def log_tail(self) -> str:
        return f"(see the logs of {self._url})"
