"""Helpers for the tests of trading: instruments, prices, users and orders.

The exchange is the one that CIFT_TEST_URL names (tests/target.py) or, if that is not set, the session's.
"""

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest_asyncio

from cift.kernel.errors import Refused
from cift.kernel.ids import uuid5, uuid7
from cift.kernel.money import NANOS, parse_nanos
from cift.platform.stores import Platform
from tests.target import DEADLINE_S, Target, User, submit

TRADING = "/api/v1/trading"
MARKET = "/api/v1/market-data"
FEED = 15
HOUSE_ACCOUNT = uuid5("6ba7b811-9dad-11d1-80b4-00c04fd430c8", "tests:house")
_numbers = itertools.count(1)
_source = itertools.count(1)


class Venue:
    """An exchange with the actions of its users and its administrator."""

    def __init__(self, exchange: Target, http: httpx.AsyncClient, platform: Platform) -> None:
        self.exchange, self.http, self.platform = exchange, http, platform
        self.engine = platform.engine

    async def prepare(self) -> None:
        """Define the feed of `print`, and its account."""
        try:
            await self.command(
                type="open_account", account=HOUSE_ACCOUNT, kind="margin", role="house", currency="USD"
            )
        except Refused as refused:
            assert refused.code == "account_exists"
        await self.command(type="define_feed", feed=FEED, house=HOUSE_ACCOUNT, silence_ns=3600 * NANOS)

    async def command(self, **command: Any) -> None:
        """Submit a command that the engine must accept."""
        await submit(self.engine, command)

    async def instrument(self, price: str | None = "100", **changed: Any) -> str:
        """A new instrument (tick 0.01, lot 1, band 10 %, collar 2 %), with a last price unless None."""
        symbol = f"T{os.getpid() % 10_000}X{next(_numbers)}"
        await self.command(
            **{
                "type": "define_instrument",
                "symbol": symbol,
                "currency": "USD",
                "tick": NANOS // 100,
                "lot": NANOS,
                "band_ppm": 100_000,
                "collar_ppm": 20_000,
                **changed,
            }
        )
        if price is not None:
            await self.print(symbol, price, changed.get("lot", NANOS) // NANOS)
        return symbol

    async def print(self, symbol: str, price: str, quantity: int = 1) -> None:
        """A print of the outside market: sets the last price, may fill and trigger orders."""
        await self.command(
            type="outside_trade",
            feed=FEED,
            source_sequence=next(_source),
            symbol=symbol,
            price=parse_nanos(price, "price"),
            quantity=quantity * NANOS,
        )

    @asynccontextmanager
    async def fees(self, maker_ppm: int, taker_ppm: int) -> AsyncIterator[None]:
        """Charge these fees inside the block only: other tests use the same exchange."""
        await self.command(type="set_fees", maker_ppm=maker_ppm, taker_ppm=taker_ppm)
        try:
            yield
        finally:
            await self.command(type="set_fees", maker_ppm=0, taker_ppm=0)

    def user(self, scopes: tuple[str, ...] = ("read", "trade", "funds")) -> User:
        """A new user with 100,000 USD on a margin account."""
        return self.exchange.new_user(scopes)

    async def call(
        self,
        user: User | None,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        all_headers = {**(user.key if user else {}), **(headers or {})}
        return await self.http.request(method, path, json=body, headers=all_headers)

    async def try_order(self, user: User, symbol: str, **changed: Any) -> httpx.Response:
        """Send an order: by default a limit order to buy 10 at 100; None removes a field."""
        order = {
            "symbol": symbol,
            "side": "buy",
            "type": "limit",
            "quantity": "10",
            "limit_price": "100",
            **changed,
        }
        body = {name: value for name, value in order.items() if value is not None}
        return await self.call(user, "POST", f"{TRADING}/orders", body)

    async def order(self, user: User, symbol: str, **changed: Any) -> dict[str, Any]:
        """Place an order that must be accepted."""
        answer = await self.try_order(user, symbol, **changed)
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def market(self, user: User, symbol: str, side: str, quantity: str) -> dict[str, Any]:
        return await self.order(user, symbol, type="market", side=side, quantity=quantity, limit_price=None)

    async def get(self, user: User | None, path: str, **query: Any) -> Any:
        """A GET that must succeed; paths without a leading slash are below trading."""
        if not path.startswith("/"):
            path = f"{TRADING}/{path}"
        answer = await self.http.get(path, params=query, headers=user.key if user else {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get_order(self, user: User, id: str) -> dict[str, Any]:
        view: dict[str, Any] = await self.get(user, f"orders/{id}")
        return view


def refusal(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """The error of a response; asserts that it is this one."""
    error: dict[str, Any] = answer.json()
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert error["message"], "every refusal has a message"
    assert error["request_id"] == answer.headers["x-request-id"]
    if field is not None:
        assert error.get("field") == field, answer.text
    return error


def number(text: str) -> Decimal:
    """The number of a decimal string in a response. Fails on other types: amounts are never floats."""
    assert isinstance(text, str), text
    return Decimal(text)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def venue(target: Target, platform: Platform) -> AsyncIterator[Venue]:
    """The session's exchange with a feed of its own for tests."""
    async with httpx.AsyncClient(base_url=target.url, timeout=DEADLINE_S) as http:
        found = Venue(target, http, platform)
        await found.prepare()
        yield found


def new_id() -> str:
    """A new id."""
    return uuid7()
