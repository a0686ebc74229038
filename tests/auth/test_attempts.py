"""Wrong passwords for one name are bounded whatever their addresses; an owner is never locked out."""

import httpx
import pytest

from cift.auth.attempts import FAILURES_MAX, Attempts
from cift.kernel.errors import RateLimited
from cift.run.servers import free_port
from tests.host.alone import alone
from tests.stack import Stack
from tests.target import DEADLINE_S


def test_a_name_is_refused_after_too_many_failures() -> None:
    attempts = Attempts()
    attempts.succeeded("Ada", "198.51.100.7")
    for number in range(FAILURES_MAX):
        attempts.check("ada", f"203.0.113.{number}")
        attempts.failed("ADA")
    with pytest.raises(RateLimited) as refused:
        attempts.check("ada", "203.0.113.200")
    assert refused.value.retry_after is not None and 0 < refused.value.retry_after <= 300
    attempts.check("ada", "198.51.100.7")  # the owner's address
    attempts.check("grace", "203.0.113.200")


def test_failures_from_many_addresses_are_429_and_the_owner_logs_in(exchange: Stack) -> None:
    user = exchange.new_user()
    pod = {"PORT": str(free_port()), "CIFT_BEHIND_GATEWAY": "true"}
    with alone("auth.login", exchange, **pod) as url, httpx.Client(base_url=url, timeout=DEADLINE_S) as http:

        def login(password: str, address: str) -> int:
            body = {"username": user.username, "password": password}
            answer = http.post("/api/v1/auth/login", json=body, headers={"x-cift-client": address})
            return answer.status_code

        home = "198.51.100.77"
        assert login(user.password, home) == 200
        statuses = [login("a wrong password", f"203.0.113.{number}") for number in range(30)]
        assert statuses.count(401) == FAILURES_MAX and statuses[-1] == 429
        assert login(user.password, "203.0.113.99") == 429
        assert login(user.password, home) == 200
