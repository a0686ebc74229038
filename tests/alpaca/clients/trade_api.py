"""A bot on alpaca-trade-api: run by tests/alpaca/test_trade_api.py. Prints what it saw as JSON."""

import json
import os

import alpaca_trade_api
from alpaca_trade_api.rest import APIError, TimeFrame

symbol = os.environ["SYMBOL"]
api = alpaca_trade_api.REST()  # address and key come from the APCA_ variables
seen = {"status": api.get_account().status, "open": api.get_clock().is_open}
seen["asset"] = api.get_asset(symbol).symbol
seen["calendar"] = len(api.get_calendar("2025-07-01", "2025-07-07"))
filled = api.submit_order(symbol, qty=2, side="buy", type="market", time_in_force="day")
seen["filled"] = [filled.status, filled.filled_avg_price]
resting = api.submit_order(symbol, 1, "buy", "limit", "day", limit_price="98")
replaced = api.replace_order(resting.id, limit_price="98.5")
seen["replaced"] = [replaced.replaces == resting.id, replaced.limit_price]
api.cancel_order(replaced.id)
seen["canceled"] = api.get_order(replaced.id).status
seen["by_client_id"] = api.get_order_by_client_order_id(filled.client_order_id).id == filled.id
seen["orders"] = [each.status for each in api.list_orders(status="all")]
seen["position"] = api.get_position(symbol).qty
seen["bars"] = api.get_bars(symbol, TimeFrame.Hour)[-1].c
seen["trade"] = api.get_latest_trade(symbol).p
seen["quote"] = api.get_latest_quote(symbol).ap
seen["snapshot"] = api.get_snapshot(symbol).latest_trade.p
seen["history"] = api.get_portfolio_history(period="1D").base_value
seen["activities"] = [each.activity_type for each in api.get_activities()]
api.close_position(symbol)
seen["positions"] = len(api.list_positions())
api.cancel_all_orders()
try:
    api.submit_order(symbol, qty=5000, side="buy", type="limit", time_in_force="day", limit_price="99")
except APIError as refused:
    seen["refused"] = [refused.code, str(refused)]
print(json.dumps(seen))
