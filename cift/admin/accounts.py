"""Edit an account's state and limits. A change is a command in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.contracts.admin import (
    DEFAULT_LEVERAGE_PERCENT,
    AccountEdit,
    AccountLimits,
    AdminAccount,
    LimitsView,
)
from cift.contracts.names_gen import AccountKind
from cift.kernel.errors import NotFound, Refused
from cift.kernel.ids import parse_uuid
from cift.platform.engine import Engine

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages


def account_named(account_id: str) -> str:
    """The account's id in canonical form. Raises NotFound if it is not a UUID."""
    account = parse_uuid(account_id)
    if account is None:
        raise NotFound("unknown_account", f"There is no account '{account_id[:64]}'", "account_id")
    return account


async def edit_account(account: str, edit: AccountEdit, engine: Engine) -> AdminAccount:
    """Set an account's limits, then its state. What the edit does not contain stays.

    Raises:
        Refused: the engine's reason, such as `unknown_account` or `account_not_flat`.
    """
    kind = (await engine.query({"account": account}))["account"]["kind"]
    if edit.limits is not None:
        limits = whole_limits(edit.limits, kind)
        await engine.submit({"type": "set_limits", "account": account, "limits": limits})
    if edit.state is not None:
        await engine.submit({"type": "set_account_state", "account": account, "state": edit.state})
    return account_view((await engine.query({"account": account}))["account"])


def whole_limits(limits: AccountLimits, kind: AccountKind) -> messages.Limits:
    """All limits of the engine's command, defaults included.

    Raises:
        Refused: `invalid_limits`: a leverage for a cash account.
    """
    leverage = limits.leverage_percent or DEFAULT_LEVERAGE_PERCENT[kind]
    if kind == "cash" and leverage != DEFAULT_LEVERAGE_PERCENT[kind]:
        raise Refused(
            "invalid_limits",
            f"A cash account has no leverage: leverage_percent must be {DEFAULT_LEVERAGE_PERCENT[kind]}",
            "limits.leverage_percent",
        )
    return {
        "max_order_quantity": limits.max_order_quantity,
        "max_order_notional": limits.max_order_notional,
        "max_position": limits.max_position,
        "max_open_orders": limits.max_open_orders,
        "max_orders_per_second": limits.max_orders_per_second,
        "max_daily_loss": limits.max_daily_loss,
        "leverage_percent": leverage,
    }


def account_view(account: messages.Account) -> AdminAccount:
    """The view of an account from the engine's answer."""
    return AdminAccount(
        account_id=account["id"],
        kind=account["kind"],
        state=account["state"],
        currency=account["currency"],
        cash=account["cash"],
        equity=account["equity"],
        open_orders=account["open_orders"],
        limits=LimitsView(**account["limits"]),
    )
