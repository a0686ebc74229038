"""Orders in Alpaca's form. Pure.

| here | at Alpaca |
|---|---|
| pending (a stop that waits for its price), new | new |
| held (a leg that waits for its entry) | held |
| gtd | gtc with `expires_at` |
| an order that was replaced keeps its id | the replacement has an id of its own: `cift.alpaca.replacements` |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from cift.alpaca import bodies
from cift.alpaca.assets import Directory, Instrument, asset_id
from cift.alpaca.errors import AlpacaError, forbidden, invalid, unprocessable
from cift.alpaca.requests import OrderRequest
from cift.contracts.orders import NewOrder, OrderView, StopLoss, TakeProfit
from cift.kernel.errors import CiftError, Refused
from cift.kernel.money import NANOS, format_nanos, parse_nanos

_STATUS: dict[str, bodies.OrderStatus] = {"pending": "new"}
_CLASSES = ("simple", "bracket", "oco", "oto")


def new_order(request: OrderRequest, instrument: Instrument, quantity: int) -> NewOrder:
    """The order that Alpaca's request describes, of `quantity` nanos.

    Raises:
        AlpacaError: the exchange has no such order.
    """
    if request.time_in_force in ("opg", "cls"):
        raise unprocessable(f"time_in_force {request.time_in_force} is not supported: there are no auctions")
    if request.advanced_instructions:
        raise unprocessable("advanced_instructions are not supported")
    order_class = request.order_class or "simple"
    if order_class not in _CLASSES:
        raise unprocessable(f"order_class {order_class} is not supported")
    if request.extended_hours and (request.type != "limit" or request.time_in_force not in ("day", "gtc")):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    profit, loss = request.take_profit, request.stop_loss
    return NewOrder.model_construct(
        symbol=instrument.symbol,
        side=request.side,
        type=request.type,
        order_type=None,
        quantity=quantity,
        time_in_force=request.time_in_force,
        limit_price=request.limit_price,
        stop_price=request.stop_price,
        trail_amount=request.trail_price,
        trail_percent=request.trail_percent,
        display_quantity=None,
        post_only=False,
        reduce_only=False,
        self_trade_prevention="cancel_newest",
        expire_at=None,
        client_order_id=request.client_order_id or str(uuid4()),
        order_class=order_class,
        take_profit=TakeProfit.model_construct(limit_price=profit.limit_price)
        if profit is not None
        else None,
        stop_loss=StopLoss.model_construct(stop_price=loss.stop_price, limit_price=loss.limit_price)
        if loss is not None
        else None,
    )


def quantity_of_notional(request: OrderRequest, instrument: Instrument, price: int) -> int:
    """The quantity, in nanos and whole lots, that `notional` buys at `price`.

    Raises:
        AlpacaError: it is less than one lot.
    """
    assert request.notional is not None
    lot = int(instrument.lot * NANOS)
    quantity = request.notional * NANOS // price // lot * lot
    if quantity <= 0:
        kind = "" if instrument.lot < 1 else f": {instrument.symbol} is not fractionable"
        raise unprocessable(f"notional {format_nanos(request.notional)} is less than one lot{kind}")
    return quantity


def check_amount(request: OrderRequest) -> None:
    """Raises AlpacaError unless exactly one of `qty` and `notional` is given, and is positive."""
    if (request.qty is None) == (request.notional is None):
        raise unprocessable("qty or notional is required, and not both")
    if (request.qty if request.qty is not None else request.notional or 0) <= 0:
        raise unprocessable("qty must be > 0" if request.qty is not None else "notional must be > 0")
    if request.notional is not None and request.type == "trailing_stop":
        raise unprocessable("notional orders must not be trailing stops")
    for name in ("limit_price", "stop_price", "trail_price", "trail_percent"):
        price = getattr(request, name)
        if price is not None and price <= 0:
            raise unprocessable(f"{name} must be > 0")


@dataclass(frozen=True, slots=True)
class Revision:
    """A replacement of an order: what it had before, and the id that Alpaca's clients know it by since."""

    id: str
    order_id: str
    replaced_at: str
    quantity: str
    filled_quantity: str
    average_fill_price: str | None
    limit_price: str | None
    stop_price: str | None
    trail_amount: str | None
    trail_percent: str | None


def body(
    view: OrderView,
    instruments: Directory,
    revisions: list[Revision] | None = None,
    legs: list[bodies.Order] | None = None,
    *,
    notional: int | None = None,
    extended_hours: bool = False,
) -> bodies.Order:
    """An order in its present state. `revisions`: its replacements, oldest first."""
    last = revisions[-1] if revisions else None
    before = None
    if revisions:
        before = revisions[-2].id if len(revisions) > 1 else view.id
    status = view.status
    ended = {status: view.updated_at}
    created = last.replaced_at if last is not None else view.created_at
    found: bodies.Order = {
        "id": last.id if last is not None else view.id,
        "client_order_id": view.client_order_id or view.id,
        "created_at": created,
        "updated_at": view.updated_at,
        "submitted_at": created,
        "filled_at": ended.get("filled"),
        "expired_at": ended.get("expired"),
        "canceled_at": ended.get("canceled"),
        "failed_at": ended.get("rejected"),
        "replaced_at": None,
        "replaced_by": None,
        "replaces": before,
        "asset_id": asset_id(view.symbol),
        "symbol": view.symbol,
        "asset_class": instruments.asset_class(view.symbol),
        "notional": None if notional is None else format_nanos(notional),
        "qty": view.quantity if notional is None else None,
        "filled_qty": view.filled_quantity,
        "filled_avg_price": view.average_fill_price,
        "order_class": "" if view.order_class == "simple" else view.order_class,
        "order_type": view.type,
        "type": view.type,
        "side": view.side,
        "time_in_force": "gtc" if view.time_in_force == "gtd" else view.time_in_force,
        "limit_price": view.limit_price,
        "stop_price": view.stop_price,
        "status": _STATUS.get(status) or cast(bodies.OrderStatus, status),
        "extended_hours": extended_hours,
        "legs": cast("list[dict[str, Any]]", legs) if legs else None,
        "trail_percent": view.trail_percent,
        "trail_price": view.trail_amount,
        "hwm": _high_water_mark(view),
        "reject_reason": view.reason if status == "rejected" else None,
        "source": None,
        "subtag": None,
    }
    if view.expire_at is not None:
        found["expires_at"] = view.expire_at
    return found


def replaced_body(
    view: OrderView, instruments: Directory, revisions: list[Revision], number: int
) -> bodies.Order:
    """The order as it was before the replacement `number` of `revisions`: it has the status `replaced`."""
    ended = revisions[number]
    found = body(view, instruments, revisions[:number])
    found["updated_at"] = found["replaced_at"] = ended.replaced_at
    found["replaced_by"] = ended.id
    found["status"] = "replaced"
    found["filled_at"] = found["expired_at"] = found["canceled_at"] = found["failed_at"] = None
    found["reject_reason"] = None
    found["qty"], found["filled_qty"] = ended.quantity, ended.filled_quantity
    found["filled_avg_price"] = ended.average_fill_price
    found["limit_price"], found["stop_price"] = ended.limit_price, ended.stop_price
    found["trail_price"], found["trail_percent"] = ended.trail_amount, ended.trail_percent
    return found


def _high_water_mark(view: OrderView) -> str | None:
    """The best price that a trailing stop has seen: its stop price is the trail away from it."""
    if view.type != "trailing_stop" or view.stop_price is None:
        return None
    stop = parse_nanos(view.stop_price, "stop_price")
    if view.trail_amount is not None:
        trail = parse_nanos(view.trail_amount, "trail_amount")
        return format_nanos(stop + trail if view.side == "sell" else stop - trail)
    if view.trail_percent is None:
        return None
    part = parse_nanos(view.trail_percent, "trail_percent") // 100
    return format_nanos(stop * NANOS // (NANOS - part if view.side == "sell" else NANOS + part))


def refusal(error: Refused, request: OrderRequest, available: tuple[str, str, str] | None) -> CiftError:
    """Alpaca's error for the engine's refusal of an order. `available`: of the position, the quantity that no
    order holds, the whole quantity, and what orders hold."""
    facts = {"reason": error.code, "detail": error.message}
    found: CiftError = error
    match error.code:
        case "insufficient_position" | "reduce_only_would_increase" if available is not None:
            free, whole, held = available
            wanted = format_nanos(request.qty) if request.qty is not None else "0"
            found = forbidden(
                f"insufficient qty available for order (requested: {wanted}, available: {free})",
                available=free,
                existing_qty=whole,
                held_for_orders=held,
                symbol=request.symbol.upper(),
                **facts,
            )
        case "price_not_on_tick":
            price = request.limit_price if error.field in (None, "limit_price") else request.stop_price
            shown = format_nanos(price) if price is not None else ""
            found = unprocessable(
                f"invalid {error.field or 'limit_price'} {shown}. sub-penny increment does not fulfill"
                " minimum pricing criteria",
                **facts,
            )
        case "quantity_not_on_lot":
            found = unprocessable(f'asset "{request.symbol.upper()}" is not fractionable', **facts)
    if isinstance(found, AlpacaError) and error.id is not None:
        found.facts["order_id"] = error.id
    return found


def limit_of(text: int | None, default: int, largest: int) -> int:
    """A `limit` parameter. Raises AlpacaError."""
    if text is None:
        return default
    if not 1 <= text <= largest:
        raise invalid(f"limit must be between 1 and {largest}")
    return text
