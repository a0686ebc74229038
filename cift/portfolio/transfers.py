"""Paper money in and out: a command to the engine; the response is the transaction that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.contracts.accounts import TransactionView
from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import (
    AppliedButNotVisible,
    CiftError,
    Forbidden,
    ReadModelBehind,
    Refused,
    Unavailable,
)
from cift.kernel.ids import uuid5, uuid7
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.portfolio import rules, store

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages


def transfer_id(account_id: str, verb: str, idempotency_key: str | None) -> str:
    """The id of a transfer. With a key it is derived, so that the engine makes the transfer once for ever."""
    return uuid7() if idempotency_key is None else uuid5(account_id, f"{verb} {idempotency_key}")


async def check_allowed(
    command: messages.Deposit | messages.Withdraw | messages.ResetAccount,
    trader: Trader,
    engine: Engine,
    settings: Settings,
) -> None:
    """Check what the engine does not: its deposits are also an administrator's, who may fund any account.

    Raises:
        Forbidden: `free_cash_disabled`: users get no paper money here. `account_suspended`.
            `daily_loss_limited`: a reset would forget the loss of the day, which an administrator limited.
    """
    kind = command["type"]
    if kind == "withdraw":
        return
    if not settings.free_cash:
        raise Forbidden(
            "free_cash_disabled", "Deposits and resets are turned off here: ask an administrator for cash"
        )
    account = (await engine.query({"account": trader.account_id}))["account"]
    if account["state"] == "suspended":
        raise Forbidden("account_suspended", REFUSALS["account_suspended"][1])
    if kind == "reset_account" and account["limits"]["max_daily_loss"] is not None:
        raise Forbidden(
            "daily_loss_limited",
            "The account has a limit of its daily loss, which a reset would forget: ask an administrator",
        )


async def transfer(
    command: messages.Deposit | messages.Withdraw | messages.ResetAccount,
    trader: Trader,
    engine: Engine,
    database: Database,
    settings: Settings,
) -> TransactionView:
    """Carry out a deposit, withdrawal or reset.

    Raises:
        Forbidden: see `check_allowed`.
        Refused: the engine refuses the command.
        AppliedButNotVisible: the command is applied, but the read model cannot show it yet. It is not
            `Unavailable`, which would mean that nothing was done.
    """
    await check_allowed(command, trader, engine, settings)
    try:
        result = await engine.submit(command)
    except Refused as refused:
        await _explain(refused, trader, engine)
        raise
    id = None if result.repeated else command["transfer"]
    try:
        await database.caught_up(trader.account_id, "project_ledger")
        async with database.read(trader.account_id) as c:
            row = await store.transfer(c, trader.account_id, result.command_sequence)
    except (ReadModelBehind, Unavailable) as behind:
        raise AppliedButNotVisible(id) from behind
    if row is None:
        raise AppliedButNotVisible(id)
    return rules.transaction_view(row)


async def _explain(refused: Refused, trader: Trader, engine: Engine) -> None:
    if refused.code in ("insufficient_cash", "amount_out_of_range"):
        refused.field = "amount"
    if refused.code == "insufficient_cash":
        try:
            account = (await engine.query({"account": trader.account_id}))["account"]
        except CiftError:
            return  # the refusal stands without the amount
        sentence = REFUSALS[refused.code][1]
        refused.message = f"{sentence}: {account['withdrawable']} {account['currency']} can be withdrawn"
