"""Alpaca's JavaScript client, unmodified: its addresses are options."""

from tests.alpaca.clients import run_node
from tests.alpaca.conftest import Market
from tests.target import User


def test_a_bot_on_the_javascript_client(market: Market, user: User) -> None:
    key_id, secret = market.keys(user)
    seen = run_node(
        "js",
        "bot.mjs",
        EXCHANGE_URL=market.url,
        APCA_API_KEY_ID=key_id,
        APCA_API_SECRET_KEY=secret,
        SYMBOL=market.symbol,
    )
    assert seen.pop("bars") and seen.pop("price")
    assert seen == {
        "connection": True,
        "account": "ACTIVE",
        "asset": market.symbol,
        "open": True,
        "calendar": 4,
        "filled": ["filled", "100.1", "js-1"],
        "replaced": [True, "98.5", "2"],
        "canceled": "canceled",
        "bracket": ["bracket", ["held", "held"]],
        "byClientId": True,
        "canceledAll": True,
        "orders": ["canceled", "canceled", "replaced", "filled"],
        "position": "2",
        "activities": 2,
        "history": 100_000,
        "watchlist": [market.symbol],
        "refused": ["PermissionError", 403, 40310000],
        "streamed": "FAKEPACA",
        "closed": [200],
    }
