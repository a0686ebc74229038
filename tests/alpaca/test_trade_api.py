"""alpaca-trade-api 3.2, the deprecated client that many bots use, unmodified and set up by its variables."""

from tests.alpaca.clients import run
from tests.alpaca.conftest import Market
from tests.target import User


def test_a_bot_on_the_deprecated_client(market: Market, user: User) -> None:
    key_id, secret = market.keys(user)
    seen = run(
        "trade_api",
        "trade_api.py",
        APCA_API_BASE_URL=market.url,
        APCA_API_DATA_URL=market.url,
        APCA_API_KEY_ID=key_id,
        APCA_API_SECRET_KEY=secret,
        SYMBOL=market.symbol,
    )
    assert seen.pop("bars") and seen.pop("trade") and seen.pop("snapshot")
    assert seen == {
        "status": "ACTIVE",
        "open": True,
        "asset": market.symbol,
        "calendar": 4,
        "filled": ["filled", "100.1"],
        "replaced": [True, "98.5"],
        "canceled": "canceled",
        "by_client_id": True,
        "orders": ["canceled", "replaced", "filled"],
        "position": "2",
        "quote": 100.1,
        "history": 100_000,
        "activities": ["FILL", "CSD"],
        "positions": 0,
        "refused": [40310000, "insufficient buying power"],
    }
