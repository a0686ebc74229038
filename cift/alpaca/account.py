"""The account and its positions in Alpaca's form. Pure.

`last_equity` is the equity at the start of the session (the baseline of the daily loss limit); before the
first session it is 0 there, and then the present equity is shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cift.alpaca import bodies
from cift.alpaca.assets import OTHER_EXCHANGE, Directory, asset_id
from cift.kernel.clock import from_datetime, now_ns, rfc3339
from cift.kernel.money import NANOS, format_nanos, parse_nanos

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

_STATUS = {"active": "ACTIVE", "reduce_only": "ACTIVE", "suspended": "DISABLED", "closed": "ACCOUNT_CLOSED"}
MAINTENANCE_PERCENT = 30


def _signed(text: str) -> int:
    return parse_nanos(text, "amount", signed=True)


def values(answer: messages.AccountAnswer) -> tuple[int, int]:
    """Market value of the long and of the short positions (negative), in nanos; at cost without a mark."""
    long = short = 0
    for held in answer["positions"]:
        quantity, cost = _signed(held["quantity"]), _signed(held["cost"])
        value = cost if held["mark"] is None else quantity * _signed(held["mark"]) // NANOS
        if value >= 0:
            long += value
        else:
            short += value
    return long, short


def body(
    answer: messages.AccountAnswer, opened_at: datetime | None, *, suspended_by_user: bool, no_shorting: bool
) -> bodies.Account:
    """The account. `opened_at`: None until the read model has it."""
    account = answer["account"]
    long, short = values(answer)
    equity = _signed(account["equity"])
    last = _signed(account["daily_loss_baseline"]) or equity
    leverage = account["limits"]["leverage_percent"]
    margin = account["kind"] == "margin"
    initial = (long - short) * 100 // leverage
    maintenance = (long - short) * MAINTENANCE_PERCENT // 100
    blocked = account["state"] in ("suspended", "closed")
    power, cash = account["buying_power"], account["cash"]
    return {
        "id": account["id"],
        "account_number": "C" + account["id"].replace("-", "")[-10:].upper(),
        "status": _STATUS[account["state"]],
        "crypto_status": _STATUS[account["state"]],
        "currency": account["currency"],
        "buying_power": power,
        "regt_buying_power": power,
        "daytrading_buying_power": "0",
        "effective_buying_power": power,
        "non_marginable_buying_power": account["withdrawable"],
        "bod_dtbp": "0",
        "cash": cash,
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "portfolio_value": account["equity"],
        "pattern_day_trader": False,
        "trading_blocked": blocked,
        "transfers_blocked": blocked,
        "account_blocked": blocked,
        "created_at": rfc3339(from_datetime(opened_at) if opened_at is not None else now_ns()),
        "trade_suspended_by_user": suspended_by_user,
        "multiplier": format_nanos(leverage * NANOS // 100) if margin else "1",
        "shorting_enabled": margin and not no_shorting,
        "equity": account["equity"],
        "last_equity": format_nanos(last),
        "long_market_value": format_nanos(long),
        "short_market_value": format_nanos(short),
        "position_market_value": format_nanos(long + short),
        "initial_margin": format_nanos(initial),
        "maintenance_margin": format_nanos(maintenance),
        "last_maintenance_margin": format_nanos(maintenance),
        "sma": "0",
        "daytrade_count": 0,
        "balance_asof": rfc3339(now_ns())[:10],
        "crypto_tier": 1,
        "intraday_adjustments": "0",
        "options_approved_level": 0,
        "options_trading_level": 0,
        "options_buying_power": "0",
        "pending_reg_taf_fees": "0",
    }


def _ratio(part: int, of: int) -> str:
    """`part` / |of| to nine decimals; "0" where `of` is 0."""
    return format_nanos(part * NANOS // abs(of)) if of else "0"


def position(
    held: messages.HeldPosition, instruments: Directory, previous_close: int | None, *, margin: bool
) -> bodies.Position:
    """An open position. `previous_close`: in nanos; without one the day begins at the average price."""
    quantity, cost = _signed(held["quantity"]), _signed(held["cost"])
    average = (abs(cost) * NANOS * 2 + abs(quantity)) // (abs(quantity) * 2)
    mark = average if held["mark"] is None else _signed(held["mark"])
    value = quantity * mark // NANOS
    last = previous_close if previous_close is not None else average
    day = value - quantity * last // NANOS
    closing = _signed(held["open_sells"] if quantity > 0 else held["open_buys"])
    free = max(abs(quantity) - closing, 0) * (1 if quantity > 0 else -1)
    found = instruments.find(held["symbol"])
    asset_class = instruments.asset_class(held["symbol"])
    return {
        "asset_id": asset_id(held["symbol"]),
        "symbol": held["symbol"],
        "exchange": found.exchange if found is not None else OTHER_EXCHANGE,
        "asset_class": asset_class,
        "asset_marginable": margin and asset_class == "us_equity",
        "avg_entry_price": format_nanos(average),
        "qty": held["quantity"],
        "qty_available": format_nanos(free),
        "side": "long" if quantity > 0 else "short",
        "market_value": format_nanos(value),
        "cost_basis": format_nanos(cost),
        "unrealized_pl": format_nanos(value - cost),
        "unrealized_plpc": _ratio(value - cost, cost),
        "unrealized_intraday_pl": format_nanos(day),
        "unrealized_intraday_plpc": _ratio(day, quantity * last // NANOS),
        "current_price": format_nanos(mark),
        "lastday_price": format_nanos(last),
        "change_today": _ratio(mark - last, last),
    }
