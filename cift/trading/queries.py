"""Queries about orders that only the engine can answer: no other code decides about risk."""

from cift.contracts import names_gen as names
from cift.contracts.orders import MaxOrderSizeView, NewOrder, RiskCheckView
from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import CiftError, NotFound, Refused
from cift.kernel.ids import uuid7
from cift.kernel.money import format_nanos
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.trading import refusals, rules


async def facts_for(
    reason: str, terms: refusals.Terms, engine: Engine, *, with_account: bool = False
) -> refusals.Facts:
    """What the engine reports to explain a refusal. Without an answer, less: a refusal stands without it."""
    account = instrument = last = None
    try:
        if with_account or reason in refusals.NEED_ACCOUNT:
            account = await engine.query({"account": terms.account})
        if reason in refusals.NEED_INSTRUMENT and terms.symbol is not None:
            listed = (await engine.query({"instruments": {}}))["instruments"]
            instrument = next((each for each in listed if each["symbol"] == terms.symbol), None)
            last = (await engine.query({"quote": [terms.symbol]}))["quotes"][0]["last"]
    except CiftError:
        pass
    return refusals.Facts(account, instrument, last)


async def check(order: NewOrder, trader: Trader, engine: Engine) -> RiskCheckView:
    """Whether the engine would accept the order now.

    Raises:
        Refused: a command cannot express the order.
        Unavailable: the engine does not answer.
    """
    command = rules.admit(order, trader.account_id, uuid7(), None)
    try:
        answer = await engine.query({"check": command})
    except Refused as refused:
        if refused.code not in REFUSALS:
            raise
        reason = refused.code
    else:
        if answer["admitted"]:
            return RiskCheckView(
                admitted=True,
                reserve=answer["reserve"],
                reserve_price=answer["reserve_price"],
                reference_price=answer["reference"],
                buying_power=answer["buying_power"],
            )
        reason = answer["reason"]
    terms = refusals.terms_of(command)
    facts = await facts_for(reason, terms, engine, with_account=True)
    message, field = refusals.explain(reason, terms, facts)
    power = None if facts.account is None else facts.account["account"]["buying_power"]
    return RiskCheckView(admitted=False, reason=reason, message=message, field=field, buying_power=power)


async def max_order_size(
    symbol: str,
    side: names.Side,
    kind: names.OrderKind,
    limit_price: int | None,
    stop_price: int | None,
    trader: Trader,
    engine: Engine,
) -> MaxOrderSizeView:
    """The largest quantity that the engine would accept now; 0 where it would accept none.

    Raises:
        NotFound: `unknown_symbol`.
        Refused: the engine's reason, where no quantity would be accepted (a price is missing).
    """
    name = symbol.upper()
    try:
        answer = await engine.query(
            {
                "max_order_size": {
                    "account": trader.account_id,
                    "symbol": name,
                    "side": side,
                    "kind": kind,
                    "limit_price": rules.fits(limit_price, "limit_price"),
                    "stop_price": rules.fits(stop_price, "stop_price"),
                }
            }
        )
    except Refused as refused:
        if refused.code == "unknown_symbol":
            raise NotFound("unknown_symbol", f"There is no instrument '{symbol[:32]}'", "symbol") from None
        prices = [("limit_price", limit_price), ("stop_price", stop_price)]
        terms = refusals.Terms(
            account=trader.account_id,
            symbol=name,
            quantity=None,
            limit_price=limit_price,
            trail=None,
            prices=[(field, price) for field, price in prices if price is not None],
        )
        refused.message, refused.field = refusals.explain(refused.code, terms, refusals.Facts())
        raise
    return MaxOrderSizeView.model_construct(
        symbol=name,
        side=side,
        type=kind,
        limit_price=None if limit_price is None else format_nanos(limit_price),
        quantity=answer["quantity"],
    )
