"""Questions about orders that only the engine can answer: there is no second risk code."""

from typing import Any

from cift.contracts.orders import MaxOrderSizeView, NewOrder, RiskCheckView
from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import CiftError, NotFound, Refused
from cift.kernel.ids import uuid7
from cift.kernel.money import format_nanos
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.trading import refusals, rules


async def check(order: NewOrder, trader: Trader, engine: Engine) -> RiskCheckView:
    """Whether the engine would admit the order now.

    Raises:
        Refused: the order cannot even be said to the engine.
        Unavailable: the engine is silent.
    """
    command = rules.admit(order, trader.account_id, uuid7(), None)
    question = {name: value for name, value in command.items() if name != "type"}
    try:
        answer = await engine.query({"check": question})
    except Refused as refused:
        if refused.code not in REFUSALS:
            raise
        answer = {"admitted": False, "reason": refused.code}
    if answer["admitted"]:
        return RiskCheckView(
            admitted=True,
            reserve=answer["reserve"],
            reserve_price=answer["reserve_price"],
            reference_price=answer["reference"],
            buying_power=answer["buying_power"],
        )
    facts: dict[str, Any] = {}
    try:
        facts = await engine.query({"account": trader.account_id})
        for wanted in refusals.facts_wanted(answer["reason"], command):
            if "account" not in wanted:
                facts |= await engine.query(wanted)
    except CiftError:
        pass  # the reason stands without its numbers
    message, field = refusals.explain(answer["reason"], command, facts)
    power = facts["account"]["buying_power"] if "account" in facts else None
    return RiskCheckView(
        admitted=False, reason=answer["reason"], message=message, field=field, buying_power=power
    )


async def max_order_size(
    symbol: str,
    side: str,
    kind: str,
    limit_price: int | None,
    stop_price: int | None,
    trader: Trader,
    engine: Engine,
) -> MaxOrderSizeView:
    """The largest quantity that the engine would admit now; 0 where it would admit none.

    Raises:
        NotFound: `unknown_symbol`.
        Refused: the engine's reason, where no quantity at all could help (a price is missing).
    """
    name = symbol.upper()
    question: dict[str, Any] = {
        "account": trader.account_id,
        "symbol": name,
        "side": side,
        "kind": kind,
        "limit_price": rules.fits(limit_price, "limit_price"),
        "stop_price": rules.fits(stop_price, "stop_price"),
    }
    try:
        answer = await engine.query({"max_order_size": question})
    except Refused as refused:
        if refused.code == "unknown_symbol":
            raise NotFound("unknown_symbol", f"There is no instrument '{symbol[:32]}'", "symbol") from None
        refused.message, refused.field = refusals.explain(refused.code, question, {})
        raise
    return MaxOrderSizeView.model_construct(
        symbol=name,
        side=side,
        type=kind,
        limit_price=None if limit_price is None else format_nanos(limit_price),
        quantity=answer["quantity"],
    )
