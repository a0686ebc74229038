"""ccxt's `alpaca`, unmodified but for its addresses: a crypto pair and an equity."""

from typing import Any

import ccxt
import pytest

from tests.alpaca.conftest import Market
from tests.alpaca.test_data_client import coin
from tests.target import User


def exchange_of(market: Market, user: User) -> Any:
    """ccxt's client of a user."""
    key_id, secret = market.keys(user)
    found = ccxt.alpaca({"apiKey": key_id, "secret": secret})
    found.urls["api"] = dict.fromkeys(("broker", "trader", "market"), f"{market.url}/alpaca")
    return found


async def test_ccxt_trades_a_pair(market: Market, user: User) -> None:
    symbol = await coin(market.venue, "TCX/USD")
    client = exchange_of(market, user)
    assert symbol in client.load_markets()
    book = client.fetch_order_book(symbol)
    assert (book["bids"][0][0], book["asks"][0][0]) == (49.5, 51)
    order = client.create_order(symbol, "limit", "buy", 1, 49.25, {"timeInForce": "gtc"})
    assert [each["id"] for each in client.fetch_open_orders(symbol)] == [order["id"]]
    assert client.fetch_order(order["id"])["status"] == "open"
    client.cancel_order(order["id"])
    assert client.fetch_order(order["id"])["status"] == "canceled"
    bought = client.create_order(symbol, "market", "buy", 0.25, None, {"timeInForce": "gtc"})
    assert client.fetch_order(bought["id"])["filled"] == 0.25
    assert client.fetch_trades(symbol)[-1]["price"] == 51
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(symbol, "limit", "buy", 100_000, 49.25, {"timeInForce": "gtc"})
    with pytest.raises(ccxt.ExchangeError):
        client.fetch_order("00000000-0000-7000-8000-000000000000")
    wrong = ccxt.alpaca({"apiKey": "PK", "secret": "x"})
    wrong.urls["api"] = client.urls["api"]
    with pytest.raises(ccxt.AuthenticationError):
        wrong.fetch_order(order["id"])
