"""CIFT_FREE_CASH=0: users cannot give themselves paper money."""

import httpx
import pytest

from tests.host.alone import alone
from tests.stack import Stack, User
from tests.target import DEADLINE_S


@pytest.mark.parametrize(
    ("function", "path"), [("portfolio.deposit", "deposit"), ("portfolio.reset_account", "reset")]
)
def test_deposits_and_resets_can_be_turned_off(exchange: Stack, user: User, function: str, path: str) -> None:
    body = {"amount": "5"} if path == "deposit" else {"cash": "5"}
    with alone(function, exchange, CIFT_FREE_CASH="0") as url:
        answer = httpx.post(
            f"{url}/api/v1/trading/account/{path}", json=body, headers=user.key, timeout=DEADLINE_S
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "free_cash_disabled"), answer.text
