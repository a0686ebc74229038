"""Responses have the schemas of Alpaca's own OpenAPI documents, which alpaca-mcp-server holds."""

import json
from typing import Any

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import CreateWatchlistRequest, LimitOrderRequest, MarketOrderRequest

from tests.alpaca.clients import run
from tests.alpaca.conftest import Market
from tests.alpaca.test_data_client import coin
from tests.target import User

READS = {
    "GET /v2/account",
    "GET /v2/account/activities",
    "GET /v2/account/configurations",
    "GET /v2/account/portfolio/history",
    "GET /v2/assets",
    "GET /v2/assets/{symbol_or_asset_id}",
    "GET /v2/calendar",
    "GET /v2/clock",
    "GET /v2/orders",
    "GET /v2/positions",
    "GET /v2/watchlists",
    "GET /v2/stocks/bars",
    "GET /v2/stocks/bars/latest",
    "GET /v2/stocks/quotes/latest",
    "GET /v2/stocks/snapshots",
    "GET /v2/stocks/trades/latest",
    "GET /v2/stocks/{symbol}/bars/latest",
    "GET /v2/stocks/{symbol}/quotes/latest",
    "GET /v2/stocks/{symbol}/snapshot",
    "GET /v2/stocks/{symbol}/trades/latest",
    "GET /v1beta3/crypto/{loc}/latest/orderbooks",
    "GET /v1beta1/screener/stocks/most-actives",
}
"""Operations that must have succeeded: a refusal would show no schema."""


async def test_responses_have_the_documented_schemas(
    market: Market, user: User, client: TradingClient
) -> None:
    day = TimeInForce.DAY
    client.submit_order(
        MarketOrderRequest(symbol=market.symbol, qty=2, side=OrderSide.BUY, time_in_force=day)
    )
    for price in (98, 97):
        client.submit_order(
            LimitOrderRequest(
                symbol=market.symbol, qty=1, side=OrderSide.BUY, time_in_force=day, limit_price=price
            )
        )
    client.create_watchlist(CreateWatchlistRequest(name="documents", symbols=[market.symbol]))
    await coin(market.venue, "TCO/USD")
    key_id, secret = market.keys(user)
    found: dict[str, Any] = run(
        "mcp_server",
        "mcp_schemas.py",
        URL=f"{market.url}/alpaca",
        KEY_ID=key_id,
        SECRET=secret,
        PARAMETERS=json.dumps(
            {
                "path.symbol_or_asset_id": market.symbol,
                "path.symbol": market.symbol,
                "query.symbols": market.symbol,
                "path.loc": "us",
            }
        ),
    )
    succeeded = set()
    for name, document in found.items():
        assert document["complete"] and not document["errors"], (name, document["errors"])
        assert not document["failures"], f"{name}:\n{document['failures']}"
        assert document["operations"]["tested"] == document["operations"]["selected"]
        assert document["requests"] > 150, document["requests"]
        succeeded |= set(document["succeeded"])
    assert succeeded >= READS, READS - succeeded
