"""What an order is allowed to look like, the command it becomes, and the views of what came back. Pure.

The engine checks everything that needs prices, money or the book, and names its reason; here only what
cannot be said to it at all is refused (numbers beyond its integers, legs without a class).
"""

from typing import Any

from cift.contracts.amounts import decimal_text, required_text
from cift.contracts.orders import FillView, NewOrder, OrderChange, OrderView
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.errors import Refused
from cift.kernel.money import NANOS, format_nanos

INT64_MAX = 2**63 - 1
PPM_PER_PERCENT = 10_000
_NANOS_PER_PPM = NANOS // PPM_PER_PERCENT  # of a percentage given in nanos
_PRICES = ("limit_price", "stop_price", "trail_amount")

Row = Any  # asyncpg's rows are not generic over their columns


# ── from HTTP to the engine ─────────────────────────────────────────────────────────────────────
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


def admit(order: NewOrder, account: str, id: str, key: str | None) -> dict[str, Any]:
    """The engine's command for an order.

    Raises:
        Refused: it cannot be said to the engine; the reasons that it has itself keep their names.
    """
    _fits(order.quantity, "quantity", "quantity_out_of_range")
    _fits(order.display_quantity, "display_quantity", "display_quantity_not_allowed")
    for name in _PRICES:
        _fits(getattr(order, name), name, "price_out_of_range")
    if (order.time_in_force == "gtd") != (order.expire_at is not None):
        raise Refused(
            "invalid_request", "expire_at goes with time_in_force gtd, and only with it", "expire_at"
        )
    entry, order_class = _class(order, id)
    command: dict[str, Any] = {
        "type": "place_order",
        "account": account,
        "order": entry,
        "symbol": order.symbol.upper(),
        "side": order.side,
        "kind": order.type,
        "time_in_force": order.time_in_force if order.expire_at is None else ("gtd", order.expire_at),
        "quantity": order.quantity,
        "limit_price": _entry_limit(order),
        "stop_price": order.stop_price,
        "trail": trail(order.trail_amount, order.trail_percent),
        "display_quantity": order.display_quantity,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "self_trade_prevention": order.self_trade_prevention,
        "class": order_class,
    }
    if key is not None:
        command["client_order_id"] = command["idempotency_key"] = key
    return command


def replacement(change: OrderChange, account: str, id: str, key: str | None) -> dict[str, Any]:
    """The engine's command for a change. Raises Refused as `admit` does."""
    _fits(change.quantity, "quantity", "quantity_out_of_range")
    for name in _PRICES:
        _fits(getattr(change, name), name, "price_out_of_range")
    command: dict[str, Any] = {
        "type": "replace_order",
        "account": account,
        "order": id,
        "quantity": change.quantity,
        "limit_price": change.limit_price,
        "stop_price": change.stop_price,
        "trail": trail(change.trail_amount, change.trail_percent),
    }
    return with_key(command, key)


def with_key(command: dict[str, Any], key: str | None) -> dict[str, Any]:
    """The command with its idempotency key, where there is one."""
    if key is not None:
        command["idempotency_key"] = key
    return command


def trail(amount: int | None, percent: int | None) -> tuple[str, int] | None:
    """The engine's trail: an amount in nanos, or parts per million.

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
    """The price, where the engine's integers hold it. Raises Refused: `price_out_of_range`."""
    _fits(price, field, "price_out_of_range")
    return price


def _fits(value: int | None, field: str, code: str) -> None:
    if value is not None and value > INT64_MAX:
        raise Refused(code, f"{field} is too large: {format_nanos(value)}", field)


def _entry_limit(order: NewOrder) -> int | None:
    # The order of an OCO is its take-profit; either way of saying its price is understood.
    if order.order_class != "oco" or order.take_profit is None:
        return order.limit_price
    if order.limit_price is not None and order.limit_price != order.take_profit.limit_price:
        raise Refused(
            "invalid_legs", "An OCO's limit_price is its take_profit: give one", "take_profit.limit_price"
        )
    return order.take_profit.limit_price


def leg_ids(entry: str) -> tuple[str, str]:
    """Ids of the take-profit and stop-loss of the order `entry` (whose last two bits are zero)."""
    value = int(entry.replace("-", ""), 16)
    assert value & 3 == 0, "an id made by entry_id"
    return _uuid(value | 1), _uuid(value | 2)


def entry_id(id: str) -> str:
    """The id with room for its legs: they follow it, so that a repeated request finds them again."""
    return _uuid(int(id.replace("-", ""), 16) & ~3)


def _uuid(value: int) -> str:
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _class(order: NewOrder, id: str) -> tuple[str, Any]:
    """Id and class for the engine."""
    profit, loss = order.take_profit, order.stop_loss
    if order.order_class == "simple":
        if profit is not None or loss is not None:
            raise Refused("invalid_legs", "take_profit and stop_loss need an order_class", "order_class")
        return id, "simple"
    id = entry_id(id)
    profit_id, loss_id = leg_ids(id)
    legs: dict[str, Any] = {"take_profit": None, "stop_loss": None}
    if profit is not None:
        _fits(profit.limit_price, "take_profit.limit_price", "price_out_of_range")
        legs["take_profit"] = {"order": profit_id, "limit_price": profit.limit_price}
    if loss is not None:
        _fits(loss.stop_price, "stop_loss.stop_price", "price_out_of_range")
        _fits(loss.limit_price, "stop_loss.limit_price", "price_out_of_range")
        legs["stop_loss"] = {"order": loss_id, "stop_price": loss.stop_price, "limit_price": loss.limit_price}
    if order.order_class == "oco":
        if loss is None:
            raise Refused("invalid_legs", "An OCO needs a stop_loss", "stop_loss")
        return id, {"oco": legs["stop_loss"]}
    if order.order_class == "bracket" and (profit is None or loss is None):
        raise Refused(
            "invalid_legs",
            "A bracket needs take_profit and stop_loss",
            "stop_loss" if loss is None else "take_profit",
        )
    if order.order_class == "oto" and (profit is None) == (loss is None):
        raise Refused("invalid_legs", "An OTO needs either take_profit or stop_loss", "take_profit")
    return id, {order.order_class: legs}


# ── from the engine to HTTP ─────────────────────────────────────────────────────────────────────
def _text(nanos: int | None) -> str | None:
    return None if nanos is None else format_nanos(nanos)


def average(notional: int, filled: int) -> str | None:
    """Average price to the nano, half away from zero as PostgreSQL rounds."""
    return format_nanos((notional * NANOS * 2 + filled) // (filled * 2)) if filled else None


def placed(command: dict[str, Any], summary: dict[str, Any], at: int, sequence: int) -> OrderView:
    """The view of an order just placed: what was sent, as the engine left it."""
    time_in_force, trailing = command["time_in_force"], command["trail"]
    expire_at = None
    if not isinstance(time_in_force, str):
        time_in_force, expire_at = time_in_force
    order_class, legs = "simple", []
    id = summary["order"]
    if not isinstance(command["class"], str):
        ((order_class, told),) = command["class"].items()
        profit_id, loss_id = leg_ids(id)
        if order_class == "oco":
            legs = [loss_id]
        else:
            legs = [
                leg
                for leg, name in ((profit_id, "take_profit"), (loss_id, "stop_loss"))
                if told[name] is not None
            ]
    quantity, filled = summary["quantity"], summary["filled"]
    moment = rfc3339(at)
    return OrderView.model_construct(
        id=id,
        client_order_id=command.get("client_order_id"),
        account_id=command["account"],
        symbol=command["symbol"],
        side=command["side"],
        type=command["kind"],
        time_in_force=time_in_force,
        expire_at=None if expire_at is None else rfc3339(expire_at),
        quantity=format_nanos(quantity),
        filled_quantity=format_nanos(filled),
        remaining_quantity=format_nanos(quantity - filled),
        average_fill_price=average(summary["filled_notional"], filled),
        limit_price=_text(command["limit_price"]),
        stop_price=_text(command["stop_price"]),
        trail_amount=_text(trailing[1]) if trailing is not None and trailing[0] == "amount" else None,
        trail_percent=_percent(trailing[1]) if trailing is not None and trailing[0] == "ppm" else None,
        display_quantity=_text(command["display_quantity"]),
        post_only=command["post_only"],
        reduce_only=command["reduce_only"] or order_class == "oco",  # both legs of an OCO close a position
        self_trade_prevention=command["self_trade_prevention"],
        order_class=order_class,
        parent_id=None,
        legs=legs,
        status=summary["status"],
        reason=summary["reason"],
        created_at=moment,
        updated_at=moment,
        sequence=sequence,
    )


def _percent(ppm: int | None) -> str | None:
    return None if ppm is None else format_nanos(ppm * _NANOS_PER_PPM)


def order_view(row: Row) -> OrderView:
    """The view of an order of the read model."""
    return OrderView.model_construct(
        id=row["id"],
        client_order_id=row["client_order_id"],
        account_id=row["account_id"],
        symbol=row["symbol"],
        side=row["side"],
        type=row["type"],
        time_in_force=row["time_in_force"],
        expire_at=None if row["expire_at"] is None else rfc3339(from_datetime(row["expire_at"])),
        quantity=required_text(row["quantity"]),
        filled_quantity=required_text(row["filled_quantity"]),
        remaining_quantity=required_text(row["remaining_quantity"]),
        average_fill_price=decimal_text(row["average_fill_price"]),
        limit_price=decimal_text(row["limit_price"]),
        stop_price=decimal_text(row["stop_price"]),
        trail_amount=decimal_text(row["trail_amount"]),
        trail_percent=_percent(row["trail_ppm"]),
        display_quantity=decimal_text(row["display_quantity"]),
        post_only=row["post_only"],
        reduce_only=row["reduce_only"],
        self_trade_prevention=row["self_trade_prevention"],
        order_class=row["order_class"],
        parent_id=row["parent_id"],
        legs=row["legs"],
        status=row["status"],
        reason=row["reason"],
        created_at=rfc3339(from_datetime(row["created_at"])),
        updated_at=rfc3339(from_datetime(row["updated_at"])),
        sequence=row["sequence"],
    )


def as_answered(
    view: OrderView, summary: dict[str, Any], at: int, sequence: int, command: dict[str, Any]
) -> OrderView:
    """An order of the read model as it stood when the engine answered `command`, also when that answer is
    the first result of a request that came again later."""
    quantity, filled = summary["quantity"], summary["filled"]
    told: dict[str, Any] = {
        "quantity": format_nanos(quantity),
        "filled_quantity": format_nanos(filled),
        "remaining_quantity": format_nanos(quantity - filled),
        "average_fill_price": average(summary["filled_notional"], filled),
        "status": summary["status"],
        "reason": summary["reason"],
        "updated_at": rfc3339(at),
        "sequence": sequence,
    }
    for name in ("limit_price", "stop_price"):
        if command.get(name) is not None:
            told[name] = format_nanos(command[name])
    if command.get("trail") is not None:
        kind, value = command["trail"]
        told["trail_amount"] = format_nanos(value) if kind == "amount" else None
        told["trail_percent"] = _percent(value) if kind == "ppm" else None
    return view.model_copy(update=told)


def fill_view(row: Row) -> FillView:
    """The view of a fill."""
    return FillView.model_construct(
        id=f"{row['sequence']}:{row['entry']}",
        order_id=row["order_id"],
        trade_id=row["trade_id"],
        symbol=row["symbol"],
        side=row["side"],
        liquidity=row["liquidity"],
        price=required_text(row["price"]),
        quantity=required_text(row["quantity"]),
        notional=required_text(row["notional"]),
        fee=required_text(row["fee"]),
        realized_pnl=required_text(row["realized"]),
        position_after=required_text(row["position_after"]),
        executed_at=rfc3339(from_datetime(row["executed_at"])),
        sequence=row["sequence"],
    )
