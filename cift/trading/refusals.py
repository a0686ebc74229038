"""Sentences for the engine's reasons for refusing an order, with the numbers that apply. Pure.

The facts come from the engine, a moment after the refusal: they explain it, they do not decide it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from cift.contracts.limits_gen import MAX_PRICE
from cift.contracts.refusals import REFUSALS
from cift.kernel.money import NANOS, format_nanos, parse_nanos

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

    Explainable: TypeAlias = (
        messages.PlaceOrder | messages.ReplaceOrder | messages.CancelOrder | messages.CancelAll
    )

_FIELD = {
    "unknown_symbol": "symbol",
    "currency_mismatch": "symbol",
    "instrument_halted": "symbol",
    "no_reference_price": "symbol",
    "quantity_out_of_range": "quantity",
    "quantity_not_on_lot": "quantity",
    "quantity_below_filled": "quantity",
    "order_quantity_limit": "quantity",
    "order_notional_limit": "quantity",
    "position_limit": "quantity",
    "insufficient_position": "quantity",
    "insufficient_buying_power": "quantity",
    "insufficient_cash": "amount",
    "amount_out_of_range": "amount",
    "price_outside_band": "limit_price",
    "limit_price_required": "limit_price",
    "limit_price_not_allowed": "limit_price",
    "stop_price_required": "stop_price",
    "stop_price_not_allowed": "stop_price",
    "display_quantity_not_allowed": "display_quantity",
    "post_only_not_allowed": "post_only",
    "post_only_would_cross": "post_only",
    "time_in_force_not_allowed": "time_in_force",
    "expiry_in_the_past": "expire_at",
    "reduce_only_would_increase": "reduce_only",
    "invalid_legs": "order_class",
}
NEED_INSTRUMENT = frozenset({"price_not_on_tick", "quantity_not_on_lot", "price_outside_band"})
"""Reasons whose sentence needs facts of the instrument."""
NEED_ACCOUNT = frozenset(
    {
        "insufficient_buying_power",
        "insufficient_position",
        "insufficient_cash",
        "leverage_limit",
        "order_quantity_limit",
        "order_notional_limit",
        "position_limit",
        "too_many_open_orders",
        "order_rate_exceeded",
        "daily_loss_limit",
        "reduce_only_would_increase",
    }
)
"""Reasons whose sentence needs facts of the account."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine reported to explain a refusal; None where it was not needed, or did not answer."""

    account: messages.AccountAnswer | None = None
    instrument: messages.ListedInstrument | None = None
    last: str | None = None
    """The last price of the instrument."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a refused command that a sentence can mention. Numbers in nanos."""

    account: str
    symbol: str | None
    quantity: int | None
    limit_price: int | None
    trail: messages.Trail | None
    prices: list[tuple[str, int]]
    """Every price, with the name of its field in the request."""


def terms_of(command: Explainable) -> Terms:
    """The terms of a command."""
    values = cast(Mapping[str, Any], command)
    trail: messages.Trail | None = values.get("trail")
    prices = [(name, values.get(name)) for name in ("limit_price", "stop_price")]
    if trail is not None and trail[0] == "amount":
        prices.append(("trail_amount", trail[1]))
    order_class: messages.OrderClass = values.get("class", "simple")
    if order_class != "simple":
        ((name, legs),) = cast(Mapping[str, Any], order_class).items()
        legs = {"stop_loss": legs} if name == "oco" else legs
        for leg in ("take_profit", "stop_loss"):
            leg_prices = legs.get(leg) or {}
            prices += [(f"{leg}.{name}", leg_prices.get(name)) for name in ("limit_price", "stop_price")]
    return Terms(
        account=values["account"],
        symbol=values.get("symbol"),
        quantity=values.get("quantity"),
        limit_price=values.get("limit_price"),
        trail=trail,
        prices=[(name, price) for name, price in prices if price is not None],
    )


def explain(reason: str, terms: Terms, facts: Facts) -> tuple[str, str | None]:
    """The sentence and the field of a refusal."""
    sentence = REFUSALS.get(reason, (0, reason.replace("_", " ").capitalize()))[1]
    field = _field(reason, terms, facts)
    if reason in NEED_INSTRUMENT:
        numbers = _instrument_numbers(reason, field, terms, facts)
    else:
        numbers = _account_numbers(reason, terms, facts)
    return (f"{sentence}: {numbers}" if numbers else sentence), field


def _field(reason: str, terms: Terms, facts: Facts) -> str | None:
    if reason == "price_out_of_range":
        return next((name for name, price in terms.prices if not 0 < price <= MAX_PRICE), None)
    if reason == "price_not_on_tick":
        if facts.instrument is None:
            return terms.prices[0][0] if len(terms.prices) == 1 else None
        tick = parse_nanos(facts.instrument["tick"], "tick")
        return next((name for name, price in terms.prices if price % tick), None)
    if reason in ("trail_required", "trail_not_allowed", "trail_out_of_range"):
        return "trail_percent" if terms.trail is not None and terms.trail[0] == "ppm" else "trail_amount"
    return _FIELD.get(reason)


def _account_numbers(reason: str, terms: Terms, facts: Facts) -> str | None:
    if facts.account is None:
        return None
    account = facts.account["account"]
    limits, currency = account["limits"], account["currency"]
    match reason:
        case "insufficient_buying_power" | "leverage_limit":
            value = ""
            if terms.limit_price and terms.quantity:
                worth = terms.limit_price * terms.quantity // NANOS
                value = f"it is worth {format_nanos(worth, 2)} {currency}, and "
            return f"{value}the buying power is {account['buying_power']} {currency}"
        case "insufficient_cash":
            return f"{account['withdrawable']} {currency} can be withdrawn"
        case "insufficient_position" | "reduce_only_would_increase":
            for held in facts.account["positions"]:
                if held["symbol"] == terms.symbol:
                    return (
                        f"the position is {held['quantity']}, with {held['open_sells']} in open sells"
                        f" and {held['open_buys']} in open buys"
                    )
            return f"the account holds no {terms.symbol}"
        case "order_quantity_limit":
            return f"the limit is {limits['max_order_quantity']}"
        case "order_notional_limit":
            return f"the limit is {limits['max_order_notional']} {currency}"
        case "position_limit":
            return f"the limit is {limits['max_position']}"
        case "too_many_open_orders":
            return f"the limit is {limits['max_open_orders']}"
        case "order_rate_exceeded":
            return f"the limit is {limits['max_orders_per_second']} a second"
        case "daily_loss_limit":
            return f"the limit is {limits['max_daily_loss']} {currency}"
    return None


def _instrument_numbers(reason: str, field: str | None, terms: Terms, facts: Facts) -> str | None:
    instrument = facts.instrument
    if instrument is None:
        return None
    if reason == "quantity_not_on_lot":
        return f"{format_nanos(terms.quantity or 0)} is not a multiple of {instrument['lot']}"
    if reason == "price_not_on_tick":
        price = dict(terms.prices).get(field or "")
        return None if price is None else f"{format_nanos(price)} is not a multiple of {instrument['tick']}"
    percent = format_nanos(instrument["band_ppm"] * 100_000)
    return f"more than {percent} % from the price of the last minutes" + (
        f" (the last trade was at {facts.last})" if facts.last else ""
    )
