"""Input that no parser expects gets a 4xx in our form, never a 500; failed credentials are bounded."""

import base64
from typing import Any

import httpx
import pytest

from cift.auth import managed
from cift.platform.stores import Platform
from tests.host.alone import alone
from tests.stack import Stack
from tests.target import DEADLINE_S
from tests.venue import MARKET, TRADING, Venue, refusal, venue

__all__ = ["venue"]


def segment(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    [
        segment('{"alg":' + "[" * 5_000) + ".e30.AA",
        segment('{"alg":' + "[" * 1_500 + "]" * 1_500 + "}") + ".e30.AA",
        segment("[]") + ".e30.AA",
        segment('"alg"') + ".e30.AA",
        segment('{"alg": "ES256", "kid": [[]]}') + ".e30.AA",
        segment('{"alg": null}') + ".e30.AA",
        "..",
    ],
)
async def test_a_malformed_token_is_401(venue: Venue, token: str) -> None:
    answer = await venue.http.get(f"{TRADING}/orders", headers={"Authorization": f"Bearer {token}"})
    refusal(answer, 401, "invalid_token")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/api/v1/auth/register",
            {"email": "a@example.org", "username": "a\x00b", "password": "x" * 12},
        ),
        ("POST", "/api/v1/auth/login", {"username": "a\x00b", "password": "correct horse"}),
        ("GET", f"{MARKET}/quote/S%00PY", None),
        ("GET", f"{TRADING}/orders?symbol=S%00PY", None),
        ("GET", f"{TRADING}/orders?client_order_id=%00", None),
        ("GET", f"{TRADING}/orders/%00", None),
    ],
)
async def test_the_character_nul_is_refused(venue: Venue, method: str, path: str, body: Any) -> None:
    user = venue.user()
    answer = await venue.http.request(method, path, json=body, headers=user.key)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["code"] and answer.json()["request_id"]


async def test_a_backslash_before_u0000_is_not_nul(venue: Venue) -> None:
    user = venue.user()
    answer = await venue.http.post(
        "/api/v1/auth/api-keys", json={"name": r"a\u0000b", "scopes": ["read"]}, headers=user.bearer
    )
    assert answer.is_success, answer.text


def test_failed_credentials_of_one_address_are_bounded(exchange: Stack) -> None:
    """4,000 random keys made 4,000 queries of the database."""
    with alone("trading.list_orders", exchange, CIFT_RATE_LIMIT_FAILURES="10") as url:
        with httpx.Client(base_url=url, timeout=DEADLINE_S) as client:
            statuses = []
            for number in range(40):
                key = (
                    f"cift_PK{number:018d}".replace("0", "A")
                    .replace("1", "B")
                    .replace("8", "C")
                    .replace("9", "D")
                )
                header = {"X-API-Key": f"{key}_{'x' * 43}"}
                statuses.append(client.get(f"{TRADING}/orders", headers=header).status_code)
            assert statuses.count(401) <= 20 and statuses[-1] == 429, statuses


async def test_a_dead_letter_id_out_of_range_is_404(venue: Venue, platform: Platform) -> None:
    """NATS refuses sequence numbers below 1 and above 64 bits as it refuses a broken request."""
    key = await managed.create_admin_key("malformed", platform.database, platform.settings)
    for id in (0, -1, 2**63, 2**64, 10**30):
        answer = await venue.http.post(f"/api/v1/admin/dead-letters/{id}/replay", headers={"X-API-Key": key})
        refusal(answer, 404, "unknown_dead_letter")


@pytest.mark.parametrize("origin", ["http://[", "http://[::", "http://]", "null", "", "http://"])
async def test_an_origin_that_is_no_url_is_untrusted(venue: Venue, origin: str) -> None:
    answer = await venue.http.post("/api/v1/auth/browser/refresh", headers={"Origin": origin})
    refusal(answer, 403, "untrusted_origin")


async def test_an_optional_body_may_be_null(venue: Venue) -> None:
    """/openapi.json documents such a body as nullable."""
    user = venue.user()
    answer = await venue.http.post(
        "/api/v1/auth/logout",
        content=" null ",
        headers={**user.bearer, "Content-Type": "application/json"},
    )
    assert answer.status_code == 204, answer.text


@pytest.mark.parametrize("value", [0, 1, "true", "no", None])
async def test_a_flag_of_a_body_is_true_or_false(venue: Venue, value: Any) -> None:
    order = {"symbol": "SPY", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "1"}
    answer = await venue.call(venue.user(), "POST", f"{TRADING}/orders", {**order, "post_only": value})
    assert refusal(answer, 422, "invalid_request")["field"] == "post_only"
