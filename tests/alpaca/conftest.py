"""Fixtures of these tests: a market with instruments and resting orders, and clients of Alpaca's packages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from alpaca.trading.client import TradingClient

from tests.target import User
from tests.venue import Venue, venue

__all__ = ["venue"]


@dataclass(frozen=True)
class Market:
    """Instruments with a last price of 100, and an account that sells at 100.10 and buys at 99.90."""

    venue: Venue
    symbol: str
    other: str
    maker: User

    @property
    def url(self) -> str:
        """Without a path: Alpaca's paths are at the root too."""
        return self.venue.exchange.url

    def keys(self, user: User) -> tuple[str, str]:
        """Id and secret of the user's API key."""
        _, key_id, secret = user.api_key.split("_", 2)
        return key_id, secret

    def trading(self, user: User) -> TradingClient:
        """Alpaca's client, below the path /alpaca."""
        return TradingClient(*self.keys(user), url_override=f"{self.url}/alpaca")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def market(venue: Venue) -> AsyncIterator[Market]:
    symbol, other = await venue.instrument(), await venue.instrument()
    maker = venue.user()
    for each in (symbol, other):
        await venue.order(maker, each, side="sell", quantity="400", limit_price="100.10")
        await venue.order(maker, each, side="buy", quantity="400", limit_price="99.90")
    yield Market(venue, symbol, other, maker)


@pytest.fixture
def user(market: Market) -> User:
    """A new user with 100,000 USD."""
    return market.venue.user()


@pytest.fixture
def client(market: Market, user: User) -> TradingClient:
    """Alpaca's client of a new user."""
    return market.trading(user)
