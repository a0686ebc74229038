"""Paper money in and out: a command to the engine, answered with the transaction that it made."""

from typing import Any

from cift.contracts.accounts import TransactionView
from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import CiftError, DoneUnseen, ReadModelBehind, Refused, Unavailable
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import rules, store


async def transfer(
    command: dict[str, Any], trader: Trader, engine: Engine, database: Database, key: str | None
) -> TransactionView:
    """Carry out a deposit, withdrawal or reset.

    Raises:
        Refused: the engine's reason.
        DoneUnseen: it is done and durable, but cannot be shown now. `Unavailable` would say that nothing was
            done.
    """
    if key is not None:
        command["idempotency_key"] = key
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
    except (ReadModelBehind, Unavailable) as unseen:
        raise DoneUnseen(id) from unseen
    if row is None:
        raise DoneUnseen(id)
    return rules.transaction_view(row)


async def _explain(refused: Refused, trader: Trader, engine: Engine) -> None:
    if refused.code in ("insufficient_cash", "amount_out_of_range"):
        refused.field = "amount"
    if refused.code == "insufficient_cash":
        try:
            told = (await engine.query({"account": trader.account_id}))["account"]
        except CiftError:
            return  # the numbers are a courtesy
        sentence = REFUSALS[refused.code][1]
        refused.message = f"{sentence}: {told['withdrawable']} {told['currency']} can be withdrawn"
