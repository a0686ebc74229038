"""alpaca-mcp-server, unmodified but for the address: the calls of its own integration tests."""

import pytest_asyncio

from cift.kernel.money import NANOS
from tests.alpaca.clients import run
from tests.alpaca.conftest import Market
from tests.alpaca.test_data_client import coin
from tests.target import User

STOCKS = ("AAPL", "MSFT", "GOOG", "TSLA", "AMZN", "META")
NOT_HERE = {
    "get_option_chain",
    "get_option_exchange_codes",
    "get_option_contracts",
    "get_corporate_actions",
    "get_corporate_action_announcements",
    "get_fixed_income_latest_quotes",
}
"""Options, bonds, and corporate actions: 404."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def listed(market: Market) -> Market:
    """The instruments that the client's tests name, with any price allowed: they buy at 1 USD."""
    venue = market.venue
    for symbol in STOCKS:
        await venue.command(
            type="define_instrument",
            symbol=symbol,
            currency="USD",
            tick=NANOS // 100,
            lot=NANOS,
            band_ppm=1_000_000,
            collar_ppm=20_000,
        )
        await venue.print(symbol, "100")
        await venue.order(market.maker, symbol, side="sell", quantity="9", limit_price="100.10")
        await venue.order(market.maker, symbol, side="buy", quantity="9", limit_price="99.90")
    await coin(venue, "BTC/USD", price="40000", bid="39999", ask="40001")
    return market


def test_the_calls_of_its_integration_tests(listed: Market, user: User) -> None:
    key_id, secret = listed.keys(user)
    url = f"{listed.url}/alpaca"
    outcomes = run(
        "mcp_server",
        "mcp_server.py",
        ALPACA_API_KEY=key_id,
        ALPACA_SECRET_KEY=secret,
        ALPACA_PAPER_TRADE="true",
        TRADING_API_URL=url,
        DATA_API_URL=url,
    )
    failed = {name: reason for name, reason in outcomes.items() if reason is not None}
    assert set(failed) == NOT_HERE, failed
    assert all("404" in reason for reason in failed.values()), failed
    assert len(outcomes) - len(failed) == 37
