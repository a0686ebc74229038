"""The calls of alpaca-mcp-server's own integration tests: run by tests/alpaca/test_mcp_server.py.

The package does not hold those tests, so this is the same list of tools and parameters, with the same
conditions. Prints {name: null or the reason why it failed} as JSON.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from alpaca_mcp_server import server
from fastmcp.client import Client

server.TRADING_API_BASE_URLS["paper"] = os.environ["TRADING_API_URL"]

BUY = {"side": "buy", "qty": "1", "type": "limit", "time_in_force": "day", "limit_price": "1.00"}
STOCK, PAIR = {"symbols": "AAPL"}, {"symbols": "BTC/USD"}
MINUTES = {"days": 0, "hours": 0, "minutes": 5, "limit": 5}
JANUARY = {"since": "2025-01-01", "until": "2025-01-31"}

# name of the test, tool, parameters, the keys of which the response must have one
READS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("get_account_info", {}, ("account_number",)),
    ("get_portfolio_history", {"period": "1W", "timeframe": "1D"}, ("equity",)),
    ("get_account_config", {}, ("trade_confirm_email",)),
    ("get_account_activities", {}, ()),
    ("get_account_activities_by_type", {"activity_type": "FILL"}, ()),
    ("get_stock_bars", {**STOCK, "timeframe": "1Day", "days": 3, "limit": 10}, ("bars",)),
    ("get_stock_quotes", STOCK | MINUTES, ("quotes",)),
    ("get_stock_trades", STOCK | MINUTES, ("trades",)),
    ("get_stock_latest_bar", STOCK, ("bars",)),
    ("get_stock_latest_quote", STOCK, ("quotes",)),
    ("get_stock_latest_trade", STOCK, ("trades",)),
    ("get_stock_snapshot", STOCK, ("AAPL",)),
    ("get_most_active_stocks", {}, ("most_actives",)),
    ("get_market_movers", {"market_type": "stocks"}, ("gainers",)),
    ("get_crypto_bars", {**PAIR, "timeframe": "1Hour", "days": 1, "limit": 10}, ("bars",)),
    ("get_crypto_quotes", PAIR | MINUTES, ("quotes",)),
    ("get_crypto_trades", PAIR | MINUTES, ("trades",)),
    ("get_crypto_latest_bar", {**PAIR, "loc": "us"}, ("bars",)),
    ("get_crypto_latest_quote", {**PAIR, "loc": "us"}, ("quotes",)),
    ("get_crypto_latest_trade", {**PAIR, "loc": "us"}, ("trades",)),
    ("get_crypto_snapshot", {**PAIR, "loc": "us"}, ("snapshots",)),
    ("get_crypto_latest_orderbook", {**PAIR, "loc": "us"}, ("orderbooks",)),
    ("get_option_chain", {"underlying_symbol": "AAPL"}, ()),
    ("get_option_exchange_codes", {}, ()),
    ("get_option_contracts", {"underlying_symbols": "AAPL"}, ()),
    ("get_corporate_actions", {"types": "cash_dividend", "start": "2025-01-01", "end": "2025-01-31"}, ()),
    ("get_fixed_income_latest_quotes", {"isins": "US912797SX61"}, ("quotes",)),
    ("get_asset", {"symbol_or_asset_id": "AAPL"}, ("symbol",)),
    ("get_all_assets", {"status": "active", "asset_class": "us_equity"}, ()),
    ("get_clock", {}, ("is_open",)),
    ("get_calendar", {}, ()),
    ("get_corporate_action_announcements", {"ca_types": "dividend", **JANUARY}, ()),
    ("get_orders", {"status": "all", "limit": 5}, ()),
    ("get_all_positions", {}, ()),
    ("close_all_positions", {}, ()),
]


class Tools:
    """The tools of a server that runs in this process."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> Any:
        """A tool's result, as JSON."""
        result = await self.client.call_tool(tool, arguments)
        # Since 2.4 the server puts each result into an envelope that names its source.
        content = result.structured_content["data"]
        return content["result"] if isinstance(content, dict) and set(content) == {"result"} else content

    async def place(self, symbol: str, tool: str = "place_stock_order", **changed: Any) -> Any:
        order = await self.call(tool, **{"symbol": symbol, **BUY, **changed})
        assert "error" not in order, order
        return order


async def place_and_cancel_stock_order(tools: Tools) -> None:
    order = await tools.place("AAPL")
    found = await tools.call("get_order_by_id", order_id=order["id"])
    await tools.call("cancel_order_by_id", order_id=order["id"])
    assert found["id"] == order["id"], found


async def place_with_client_order_id(tools: Tools) -> None:
    name = f"mcp-{datetime.now(UTC).timestamp()}"
    order = await tools.place("MSFT", client_order_id=name)
    found = await tools.call("get_order_by_client_id", client_order_id=name)
    await tools.call("cancel_order_by_id", order_id=order["id"])
    assert found["client_order_id"] == name, found


async def replace_order(tools: Tools) -> None:
    order = await tools.place("GOOG")
    replaced = await tools.call("replace_order_by_id", order_id=order["id"], qty="2", limit_price="1.50")
    await tools.call("cancel_order_by_id", order_id=replaced["id"])
    assert replaced["id"] != order["id"] and replaced["qty"] == "2", replaced


async def place_and_cancel_crypto_order(tools: Tools) -> None:
    order = await tools.place(
        "BTC/USD", "place_crypto_order", qty="0.001", time_in_force="gtc", limit_price="20000.00"
    )
    found = await tools.call("get_order_by_id", order_id=order["id"])
    await tools.call("cancel_order_by_id", order_id=order["id"])
    assert found["symbol"] == "BTC/USD", found


async def cancel_all_orders(tools: Tools) -> None:
    for number, symbol in enumerate(("TSLA", "AMZN", "META")):
        await tools.place(symbol, limit_price=f"{1 + number / 100:.2f}")
    canceled = await tools.call("cancel_all_orders")
    assert len(canceled) == 3, canceled
    assert await tools.call("get_orders", status="open") == []


async def position_lifecycle(tools: Tools) -> None:
    order = await tools.call(
        "place_stock_order", symbol="AAPL", side="buy", qty="1", type="market", time_in_force="day"
    )
    filled = await tools.call("get_order_by_id", order_id=order["id"])
    assert filled["status"] == "filled", filled
    position = await tools.call("get_open_position", symbol_or_asset_id="AAPL")
    assert position["symbol"] == "AAPL" and position["qty"] == "1", position
    closed = await tools.call("close_position", symbol_or_asset_id="AAPL")
    assert closed["side"] == "sell", closed
    assert await tools.call("get_all_positions") == []


async def update_account_config(tools: Tools) -> None:
    before = (await tools.call("get_account_config"))["trade_confirm_email"]
    other = "none" if before == "all" else "all"
    changed = await tools.call("update_account_config", trade_confirm_email=other)
    await tools.call("update_account_config", trade_confirm_email=before)
    assert changed["trade_confirm_email"] == other, changed


async def watchlist_full_crud(tools: Tools) -> None:
    created = await tools.call("create_watchlist", name="mcp", symbols=["AAPL"])
    id = created["id"]
    assert id in [each["id"] for each in await tools.call("get_watchlists")]
    assert (await tools.call("get_watchlist_by_id", watchlist_id=id))["name"] == "mcp"
    updated = await tools.call("update_watchlist_by_id", watchlist_id=id, name="mcp 2", symbols=["AAPL"])
    assert updated["name"] == "mcp 2", updated
    added = await tools.call("add_asset_to_watchlist_by_id", watchlist_id=id, symbol="MSFT")
    assert [each["symbol"] for each in added["assets"]] == ["AAPL", "MSFT"], added
    removed = await tools.call("remove_asset_from_watchlist_by_id", watchlist_id=id, symbol="MSFT")
    assert [each["symbol"] for each in removed["assets"]] == ["AAPL"], removed
    await tools.call("delete_watchlist_by_id", watchlist_id=id)


LIFECYCLES: list[Callable[[Tools], Awaitable[None]]] = [
    place_and_cancel_stock_order,
    place_with_client_order_id,
    replace_order,
    place_and_cancel_crypto_order,
    cancel_all_orders,
    position_lifecycle,
    update_account_config,
    watchlist_full_crud,
]


async def main() -> None:
    outcomes: dict[str, str | None] = {}
    async with Client(transport=server.build_server()) as client:
        tools = Tools(client)

        async def read(tool: str, arguments: dict[str, Any], keys: tuple[str, ...]) -> None:
            found = await tools.call(tool, **arguments)
            assert isinstance(found, (dict, list)), found
            assert not keys or set(keys) <= set(found), found

        for tool, arguments, keys in READS:
            outcomes[tool] = await reason(read(tool, arguments, keys))
        for lifecycle in LIFECYCLES:
            outcomes[lifecycle.__name__] = await reason(lifecycle(tools))
    print(json.dumps(outcomes))


async def reason(call: Awaitable[None]) -> str | None:
    """None, or why a call failed."""
    try:
        await call
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:400]
    return None


asyncio.run(main())
