"""The command that an order becomes, and the views of what came back. Pure.

The engine checks everything that needs prices, money or the book, and names its reason. These functions
refuse only what a command cannot express (numbers beyond 64 bits, legs without a class).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cift.contracts.amounts import decimal_text, required_text
from cift.contracts.orders import FillView, NewOrder, OrderChange, OrderView
from cift.kernel.clock import rfc3339
from cift.kernel.errors import Refused
from cift.kernel.money import NANOS, format_nanos
from cift.platform.columns import viewer_of_columns, viewer_of_values
from cift.trading.rows import Fill, Order, accepted, split_trail

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

INT64_MAX = 2**63 - 1
PPM_PER_PERCENT = 10_000
_NANOS_PER_PPM = NANOS // PPM_PER_PERCENT  # of a percentage given in nanos
_PRICES = ("limit_price", "stop_price", "trail_amount")


def client_key(client_order_id: str | None, idempotency_key: str | None) -> str | None:
    """The one key under which a request is idempotent.

    Raises:
        Refused: both are given and differ.
    """
    if client_order_id is not None and idempotency_key is not None and client_order_id != idempotency_key:
        raise Refused(
            "idempotency_key_mismatch",
            "client_order_id and the Idempotency-Key header are the same key: give one, or the same twice",
            "client_order_id",
        )
    return client_order_id if client_order_id is not None else idempotency_key


def admit(order: NewOrder, account: str, id: str, key: str | None) -> messages.PlaceOrder:
    """The command that places an order.

    Raises:
        Refused: a command cannot express it. Reasons that the engine has too keep its names.
    """
    _fits(order.quantity, "quantity", "quantity_out_of_range")
    _fits(order.display_quantity, "display_quantity", "display_quantity_not_allowed")
    for name in _PRICES:
        _fits(getattr(order, name), name, "price_out_of_range")
    time_in_force = _time_in_force(order)
    entry, order_class = _class(order, id)
    return {
        "type": "place_order",
        "account": account,
        "order": entry,
        "symbol": order.symbol.upper(),
        "side": order.side,
        "kind": order.type,
        "time_in_force": time_in_force,
        "quantity": order.quantity,
        "limit_price": _entry_limit(order),
        "stop_price": order.stop_price,
        "trail": trail(order.trail_amount, order.trail_percent),
        "display_quantity": order.display_quantity,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "self_trade_prevention": order.self_trade_prevention,
        "class": order_class,
        "client_order_id": key,
        "idempotency_key": key,
    }


def _time_in_force(order: NewOrder) -> messages.TimeInForce:
    if order.time_in_force == "gtd" and order.expire_at is not None:
        return "gtd", order.expire_at
    if order.time_in_force == "gtd" or order.expire_at is not None:
        raise Refused(
            "invalid_request", "expire_at goes with time_in_force gtd, and only with it", "expire_at"
        )
    return order.time_in_force


def replacement(change: OrderChange, account: str, id: str, key: str | None) -> messages.ReplaceOrder:
    """The command that changes an order. Raises Refused as `admit` does."""
    _fits(change.quantity, "quantity", "quantity_out_of_range")
    for name in _PRICES:
        _fits(getattr(change, name), name, "price_out_of_range")
    return {
        "type": "replace_order",
        "account": account,
        "order": id,
        "quantity": change.quantity,
        "limit_price": change.limit_price,
        "stop_price": change.stop_price,
        "trail": trail(change.trail_amount, change.trail_percent),
        "idempotency_key": key,
    }


def trail(amount: int | None, percent: int | None) -> messages.Trail | None:
    """The trail of a command: an amount in nanos, or parts per million.

    Raises:
        Refused: both are given, or the percentage has more than four decimals or too many digits.
    """
    if amount is not None and percent is not None:
        raise Refused("invalid_request", "Give trail_amount or trail_percent, not both", "trail_percent")
    if percent is not None:
        ppm, rest = divmod(percent, _NANOS_PER_PPM)
        if rest:
            raise Refused("invalid_request", "trail_percent has at most four decimals", "trail_percent")
        if ppm >= 1_000_000:
            raise Refused("trail_out_of_range", "trail_percent must be below 100", "trail_percent")
        return "ppm", ppm
    return None if amount is None else ("amount", amount)


def fits(price: int | None, field: str) -> int | None:
    """The price. Raises Refused `price_out_of_range` where it exceeds 64 bits."""
    _fits(price, field, "price_out_of_range")
    return price


def _fits(value: int | None, field: str, code: str) -> None:
    if value is not None and value > INT64_MAX:
        raise Refused(code, f"{field} is too large: {format_nanos(value)}", field)


def _entry_limit(order: NewOrder) -> int | None:
    # The order of an OCO is its take-profit: its price may be in either field.
    if order.order_class != "oco" or order.take_profit is None:
        return order.limit_price
    if order.limit_price is not None and order.limit_price != order.take_profit.limit_price:
        raise Refused(
            "invalid_legs", "An OCO's limit_price is its take_profit: give one", "take_profit.limit_price"
        )
    return order.take_profit.limit_price


def leg_ids(entry: str) -> tuple[str, str]:
    """Ids of the take-profit and the stop-loss of the order `entry`, whose last two bits are zero."""
    value = int(entry.replace("-", ""), 16)
    assert value & 3 == 0, "an id made by entry_id"
    return _uuid(value | 1), _uuid(value | 2)


def entry_id(id: str) -> str:
    """The id with its last two bits zero. The ids of the legs follow from it, also for a repeated request."""
    return _uuid(int(id.replace("-", ""), 16) & ~3)


def _uuid(value: int) -> str:
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _class(order: NewOrder, id: str) -> tuple[str, messages.OrderClass]:
    """Id and class of the command."""
    profit, loss = order.take_profit, order.stop_loss
    if order.order_class == "simple":
        if profit is not None or loss is not None:
            raise Refused("invalid_legs", "take_profit and stop_loss need an order_class", "order_class")
        return id, "simple"
    id = entry_id(id)
    profit_id, loss_id = leg_ids(id)
    take_profit: messages.TakeProfit | None = None
    stop_loss: messages.StopLoss | None = None
    if profit is not None:
        _fits(profit.limit_price, "take_profit.limit_price", "price_out_of_range")
        take_profit = {"order": profit_id, "limit_price": profit.limit_price}
    if loss is not None:
        _fits(loss.stop_price, "stop_loss.stop_price", "price_out_of_range")
        _fits(loss.limit_price, "stop_loss.limit_price", "price_out_of_range")
        stop_loss = {"order": loss_id, "stop_price": loss.stop_price, "limit_price": loss.limit_price}
    if order.order_class == "oco":
        if stop_loss is None:
            raise Refused("invalid_legs", "An OCO needs a stop_loss", "stop_loss")
        return id, {"oco": stop_loss}
    legs: messages.Legs = {"take_profit": take_profit, "stop_loss": stop_loss}
    if order.order_class == "bracket" and (profit is None or loss is None):
        raise Refused(
            "invalid_legs",
            "A bracket needs take_profit and stop_loss",
            "stop_loss" if loss is None else "take_profit",
        )
    if order.order_class == "oto" and (profit is None) == (loss is None):
        raise Refused("invalid_legs", "An OTO needs either take_profit or stop_loss", "take_profit")
    return id, ({"bracket": legs} if order.order_class == "bracket" else {"oto": legs})


def average(notional: int, filled: int) -> str | None:
    """Average price to the nano, half away from zero as PostgreSQL rounds."""
    return format_nanos((notional * NANOS * 2 + filled) // (filled * 2)) if filled else None


def _percent(ppm: int | None) -> str | None:
    return None if ppm is None else format_nanos(ppm * _NANOS_PER_PPM)


_order_of_values = viewer_of_values(
    OrderView,
    Order,
    remaining_quantity=lambda order: format_nanos(order.quantity - order.filled_quantity),
    average_fill_price=lambda order: average(order.filled_notional, order.filled_quantity),
    trail_percent=lambda order: _percent(order.trail_ppm),
)
order_view = viewer_of_columns(
    OrderView,
    Order,
    remaining_quantity=lambda row: required_text(row["remaining_quantity"]),
    average_fill_price=lambda row: decimal_text(row["average_fill_price"]),
    trail_percent=lambda row: _percent(row["trail_ppm"]),
)
"""The view of a row of `orders`."""
fill_view = viewer_of_columns(
    FillView,
    Fill,
    id=lambda row: f"{row['sequence']}:{row['entry']}",
    notional=lambda row: required_text(row["notional"]),
    realized_pnl=lambda row: required_text(row["realized"]),
)
"""The view of a row of `order_fills`."""


def placed(command: messages.PlaceOrder, summary: messages.OrderSummary, at: int, sequence: int) -> OrderView:
    """The view of an order that was just placed: the command, and what the engine made of it."""
    order = accepted(command, {**command, "parent": None, "status": summary["status"]}, at, sequence)
    if summary["order"] != order.id and order.legs:
        # A repeated request: the order is the first one, and its legs follow its id.
        first = dict(zip(leg_ids(order.id), leg_ids(summary["order"]), strict=True))
        order.legs = [first[leg] for leg in order.legs]
    order.id = summary["order"]
    order.quantity, order.filled_quantity = summary["quantity"], summary["filled"]
    order.filled_notional, order.reason = summary["filled_notional"], summary["reason"]
    order.reduce_only = (
        order.reduce_only or order.order_class == "oco"
    )  # both legs of an OCO close a position
    return _order_of_values(order)


def as_answered(
    view: OrderView,
    summary: messages.OrderSummary,
    at: int,
    sequence: int,
    command: messages.ReplaceOrder | messages.CancelOrder,
) -> OrderView:
    """The view of an order at the moment when the engine answered `command`.

    For a repeated request that moment is in the past: the read model may show later changes.
    """
    quantity, filled = summary["quantity"], summary["filled"]
    changes: dict[str, Any] = {
        "quantity": format_nanos(quantity),
        "filled_quantity": format_nanos(filled),
        "remaining_quantity": format_nanos(quantity - filled),
        "average_fill_price": average(summary["filled_notional"], filled),
        "status": summary["status"],
        "reason": summary["reason"],
        "updated_at": rfc3339(at),
        "sequence": sequence,
    }
    if command["type"] == "replace_order":
        limit, stop, trailing = command.get("limit_price"), command.get("stop_price"), command.get("trail")
        if limit is not None:
            changes["limit_price"] = format_nanos(limit)
        if stop is not None:
            changes["stop_price"] = format_nanos(stop)
        if trailing is not None:
            amount, ppm = split_trail(trailing)
            changes["trail_amount"] = None if amount is None else format_nanos(amount)
            changes["trail_percent"] = _percent(ppm)
    return view.model_copy(update=changes)
