"""The engine's reasons for refusing an order, in sentences with the numbers that were meant. Pure.

`facts_wanted` says what to ask the engine for; `explain` makes the sentence. The facts are of a moment
later than the refusal: they explain, they do not decide.
"""

from typing import Any

from cift.contracts.refusals import REFUSALS
from cift.kernel.money import NANOS, format_nanos, parse_nanos

MAX_PRICE = 10_000_000 * NANOS

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
_OF_THE_INSTRUMENT = frozenset({"price_not_on_tick", "quantity_not_on_lot", "price_outside_band"})
_OF_THE_ACCOUNT = frozenset(
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


def facts_wanted(reason: str, command: dict[str, Any]) -> list[dict[str, Any]]:
    """Questions to the engine whose answers `explain` uses."""
    if reason in _OF_THE_INSTRUMENT and "symbol" in command:
        return [{"instruments": {}}, {"quote": [command["symbol"]]}]
    if reason in _OF_THE_ACCOUNT:
        return [{"account": command["account"]}]
    return []


def explain(reason: str, command: dict[str, Any], facts: dict[str, Any]) -> tuple[str, str | None]:
    """Sentence and field of a refusal; `facts` are the answers, merged (perhaps none)."""
    sentence = REFUSALS.get(reason, (0, reason.replace("_", " ").capitalize()))[1]
    field = _field(reason, command, facts)
    numbers = _numbers(reason, field, command, facts)
    return (f"{sentence}: {numbers}" if numbers else sentence), field


def _prices(command: dict[str, Any]) -> list[tuple[str, int]]:
    """Every price of the command under the field that it was sent in."""
    prices = [(name, command.get(name)) for name in ("limit_price", "stop_price")]
    trail = command.get("trail")
    if trail is not None and trail[0] == "amount":
        prices.append(("trail_amount", trail[1]))
    told = command.get("class")
    if isinstance(told, dict):
        ((name, legs),) = told.items()
        legs = {"stop_loss": legs} if name == "oco" else legs
        for leg in ("take_profit", "stop_loss"):
            leg_prices = legs.get(leg) or {}
            prices += [(f"{leg}.{name}", leg_prices.get(name)) for name in ("limit_price", "stop_price")]
    return [(name, price) for name, price in prices if price is not None]


def _instrument(command: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any] | None:
    for instrument in facts.get("instruments", ()):
        if instrument["symbol"] == command.get("symbol"):
            found: dict[str, Any] = instrument
            return found
    return None


def _field(reason: str, command: dict[str, Any], facts: dict[str, Any]) -> str | None:
    if reason == "price_out_of_range":
        return next((name for name, price in _prices(command) if not 0 < price <= MAX_PRICE), None)
    if reason == "price_not_on_tick":
        instrument = _instrument(command, facts)
        tick = parse_nanos(instrument["tick"], "tick") if instrument else 0
        prices = _prices(command)
        if not tick:
            return prices[0][0] if len(prices) == 1 else None
        return next((name for name, price in prices if price % tick), None)
    if reason in ("trail_required", "trail_not_allowed", "trail_out_of_range"):
        trail = command.get("trail")
        return "trail_percent" if trail is not None and trail[0] == "ppm" else "trail_amount"
    return _FIELD.get(reason)


def _numbers(reason: str, field: str | None, command: dict[str, Any], facts: dict[str, Any]) -> str | None:
    if reason in _OF_THE_INSTRUMENT:
        return _instrument_numbers(reason, field, command, facts)
    account = facts.get("account")
    if account is None:
        return None
    limits, currency = account["limits"], account["currency"]
    match reason:
        case "insufficient_buying_power" | "leverage_limit":
            value = ""
            if command.get("limit_price") and command.get("quantity"):
                worth = command["limit_price"] * command["quantity"] // NANOS
                value = f"it is worth {format_nanos(worth, 2)} {currency}, and "
            return f"{value}the buying power is {account['buying_power']} {currency}"
        case "insufficient_cash":
            return f"{account['withdrawable']} {currency} can be withdrawn"
        case "insufficient_position" | "reduce_only_would_increase":
            for held in facts.get("positions", ()):
                if held["symbol"] == command.get("symbol"):
                    return (
                        f"the position is {held['quantity']}, with {held['open_sells']} in open sells"
                        f" and {held['open_buys']} in open buys"
                    )
            return f"the account holds no {command.get('symbol')}"
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


def _instrument_numbers(
    reason: str, field: str | None, command: dict[str, Any], facts: dict[str, Any]
) -> str | None:
    instrument = _instrument(command, facts)
    if instrument is None:
        return None
    if reason == "quantity_not_on_lot":
        return f"{format_nanos(command['quantity'])} is not a multiple of {instrument['lot']}"
    if reason == "price_not_on_tick":
        price = dict(_prices(command)).get(field or "")
        return None if price is None else f"{format_nanos(price)} is not a multiple of {instrument['tick']}"
    last = next((quote["last"] for quote in facts.get("quotes", ())), None)
    percent = format_nanos(instrument["band_ppm"] * 100_000)
    return f"more than {percent} % from the last price" + (f" {last}" if last else "")
