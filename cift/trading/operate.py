"""What operators may do with the exchange while it runs. A change is a command in the journal like any."""

from typing import Any

from cift.contracts.operate import (
    LEVERAGE_PERCENT_DEFAULT,
    AccountEdit,
    AccountLimits,
    DeadLetterView,
    LimitsView,
    OperatedAccount,
    TradingHalt,
)
from cift.kernel.clock import rfc3339
from cift.kernel.errors import NotFound, Refused
from cift.kernel.ids import parse_uuid
from cift.platform.dead_letters import Kept
from cift.platform.engine import Engine

FUNCTION_PATTERN = r"^[a-z_]+\.[a-z_0-9]+$"


async def set_halt(symbol: str, engine: Engine, *, halted: bool) -> TradingHalt:
    """Halt or resume trading in a symbol. Said twice it is true twice. Raises Refused `unknown_symbol`."""
    symbol = symbol.upper()
    await engine.submit({"type": "halt" if halted else "resume", "symbol": symbol})
    return TradingHalt(symbol=symbol, halted=halted)


def account_named(account_id: str) -> str:
    """The account's id in its usual form. Raises NotFound where it is none."""
    account = parse_uuid(account_id)
    if account is None:
        raise NotFound("unknown_account", "There is no such account", "account_id")
    return account


async def edit_account(account: str, edit: AccountEdit, engine: Engine) -> OperatedAccount:
    """Set an account's limits, then its state, as far as they are given.

    Raises Refused: the engine's reason, such as `unknown_account` or `account_not_flat`.
    """
    kind = (await engine.query({"account": account}))["account"]["kind"]
    if edit.limits is not None:
        command = {"type": "set_limits", "account": account, "limits": whole_limits(edit.limits, kind)}
        await engine.submit(command)
    if edit.state is not None:
        await engine.submit({"type": "set_account_state", "account": account, "state": edit.state})
    return account_view((await engine.query({"account": account}))["account"])


def whole_limits(limits: AccountLimits, kind: str) -> dict[str, Any]:
    """The limits as the engine takes them: all of them. Raises Refused for a cash account on margin."""
    leverage = limits.leverage_percent or LEVERAGE_PERCENT_DEFAULT[kind]
    if kind == "cash" and leverage != LEVERAGE_PERCENT_DEFAULT[kind]:
        raise Refused("invalid_limits", "A cash account has no leverage", "limits.leverage_percent")
    return {**limits.model_dump(), "leverage_percent": leverage}


def account_view(told: dict[str, Any]) -> OperatedAccount:
    """The view of an account as the engine tells it."""
    return OperatedAccount(
        account_id=told["id"],
        kind=told["kind"],
        state=told["state"],
        currency=told["currency"],
        cash=told["cash"],
        equity=told["equity"],
        open_orders=told["open_orders"],
        limits=LimitsView(**told["limits"]),
    )


def dead_letter_view(kept: Kept) -> DeadLetterView:
    """The view of a letter: everything but what it says."""
    return DeadLetterView(
        id=kept.id,
        function=kept.letter.function,
        reason=kept.letter.reason,
        stream=kept.letter.headers["ce-stream"],
        sequence=kept.message.sequence,
        subject=kept.message.subject,
        published_at=rfc3339(kept.message.timestamp_ns),
        put_aside_at=kept.put_aside_at,
        data_bytes=len(kept.message.data),
    )
