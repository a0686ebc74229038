"""Settings by which the owner of an account limits its own orders: SQL, and the check of an order.

They limit orders of Alpaca's clients, which know them; orders of our own API are checked by the engine alone,
without a query to PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from cift.contracts.orders import NewOrder, OrderView
from cift.kernel.errors import Forbidden
from cift.kernel.money import NANOS, parse_nanos
from cift.platform.postgres import Connection


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """A row of `account_settings`; without one, the defaults."""

    suspend_trade: bool = False
    no_shorting: bool = False
    fractional_trading: bool = True
    max_margin_multiplier: str = "4"
    trade_confirm_email: str = "none"
    ptp_no_exception_entry: bool = False
    max_options_trading_level: int | None = None
    disable_overnight_trading: bool = False
    wash_trade_guard: bool = False
    """Refuse an order that could trade with an open order of the same account."""


_NAMES = tuple(each.name for each in fields(AccountSettings))
_COLUMNS = ", ".join(_NAMES)


async def read(c: Connection, account: str) -> AccountSettings:
    """The settings of an account."""
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM account_settings WHERE account_id = $1", account)  # noqa: S608
    return AccountSettings(**dict(row)) if row is not None else AccountSettings()


async def write(c: Connection, account: str, changes: dict[str, Any]) -> None:
    """Write the settings that `changes` names."""
    unknown = changes.keys() - set(_NAMES)
    assert not unknown, f"unknown settings: {unknown}"
    await c.execute("INSERT INTO account_settings (account_id) VALUES ($1) ON CONFLICT DO NOTHING", account)
    for name, value in changes.items():
        await c.execute(
            f"UPDATE account_settings SET {name} = $2, updated_at = now() WHERE account_id = $1",  # noqa: S608
            account,
            value,
        )


def check(order: NewOrder, settings: AccountSettings, long_quantity: int) -> None:
    """Check a new order. `long_quantity`: nanos of the long position that no order holds.

    Raises:
        Forbidden: `trading_suspended`, `fractional_not_allowed`, `shorting_not_allowed`.
    """
    if settings.suspend_trade:
        raise Forbidden("trading_suspended", "new orders are rejected by user request")
    if not settings.fractional_trading and order.quantity % NANOS:
        raise Forbidden("fractional_not_allowed", "fractional trading is disabled for this account")
    if settings.no_shorting and order.side == "sell" and order.quantity > long_quantity:
        raise Forbidden("shorting_not_allowed", "account is not allowed to short")


def wash_trade(order: NewOrder, open_orders: list[OrderView]) -> OrderView | None:
    """The open order of the same account with which `order` could trade; None if there is none.

    Two limit orders that cannot cross are allowed, and so are orders with legs and trailing stops.
    """
    if order.order_class != "simple" or order.type == "trailing_stop":
        return None
    for other in open_orders:
        if other.symbol != order.symbol or other.side == order.side or other.order_class != "simple":
            continue
        if other.type == "trailing_stop":
            continue
        if order.limit_price is not None and other.limit_price is not None:
            resting = parse_nanos(other.limit_price, "limit_price")
            crosses = order.limit_price >= resting if order.side == "buy" else order.limit_price <= resting
            if not crosses:
                continue
        return other
    return None
