"""Places, finds, replaces, lists and cancels orders for Alpaca's clients. Responses have Alpaca's form."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cift.alpaca import assets, bodies, orders
from cift.alpaca.assets import Directory, Instrument
from cift.alpaca.errors import NOT_UNIQUE, AlpacaError, fields, forbidden, invalid, not_found, unprocessable
from cift.alpaca.orders import Revision
from cift.alpaca.requests import OrderPatch, OrderRequest
from cift.contracts.amounts import decimal_text, required_text
from cift.contracts.orders import NewOrder, OrderChange, OrderView
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.errors import (
    AppliedButNotVisible,
    CiftError,
    Conflict,
    Forbidden,
    NotFound,
    ReadModelBehind,
    Refused,
    Unavailable,
)
from cift.kernel.ids import parse_uuid, uuid7
from cift.kernel.money import NANOS, format_nanos, parse_nanos
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import account_settings, order_entry, rules, store
from cift.trading.rows import replacement_id

LIST_DEFAULT, LIST_MAX = 50, 500
OPEN = ("held", "pending", "new", "partially_filled")


async def place(request: OrderRequest, trader: Trader, engine: Engine, database: Database) -> bodies.Order:
    """Place an order. A `client_order_id` that was used before is refused, and never places a second order.

    Raises:
        AlpacaError, Refused: the order is refused. Unavailable, OutcomeUnknown: as `Engine.submit`.
    """
    orders.check_amount(request)
    instruments = await assets.directory(database)
    instrument = instruments.find(request.symbol)
    if instrument is None:
        raise unprocessable(f'asset "{request.symbol}" not found', reason="unknown_symbol")
    quantity = request.qty
    if quantity is None:
        price = await _reference_price(request, instrument, engine)
        quantity = orders.quantity_of_notional(request, instrument, price)
    order = orders.new_order(request, instrument, quantity)
    await _check_settings(order, trader, engine, database)
    command = rules.admit(order, trader.account_id, uuid7(), order.client_order_id)
    try:
        result = await order_entry.submit(engine, command)
    except Refused as refused:
        available = await _available(instrument.symbol, trader, engine)
        raise orders.refusal(refused, request, available) from None
    if result.repeated:
        raise AlpacaError(422, 40010001, NOT_UNIQUE, reason="duplicate_client_order_id")
    assert result.order is not None, "the result of place_order has the order"
    view = rules.placed(command, result.order, result.timestamp, result.command_sequence)
    legs = [each for each in view.legs if view.order_class != "simple"]
    found = orders.body(
        view, instruments, notional=request.notional, extended_hours=request.extended_hours or False
    )
    if legs:
        found["legs"] = (await find(view.id, trader, database, nested=True))["legs"]
    return found


async def _check_settings(order: NewOrder, trader: Trader, engine: Engine, database: Database) -> None:
    """Raises AlpacaError where the account's own settings refuse the order."""
    async with database.read(trader.account_id) as c:
        settings = await account_settings.read(c, trader.account_id)
    free = 0
    if settings.no_shorting and order.side == "sell":
        available = await _available(order.symbol, trader, engine)
        free = parse_nanos(available[0], "quantity", signed=True) if available is not None else 0
    try:
        account_settings.check(order, settings, free)
    except Forbidden as refused:
        raise forbidden(refused.message, reason=refused.code) from None
    if settings.wash_trade_guard:
        await database.caught_up(trader.account_id, "project_orders")
        async with database.read(trader.account_id) as c:
            rows = await store.orders(
                c,
                trader.account_id,
                is_open=True,
                symbol=order.symbol,
                client_order_id=None,
                before=None,
                limit=LIST_MAX,
            )
        other = account_settings.wash_trade(order, [rules.order_view(row) for row in rows])
        if other is not None:
            raise forbidden(
                "potential wash trade detected. use complex orders",
                reason="wash_trade",
                reject_reason="opposite side market/stop order exists"
                if other.type in ("market", "stop")
                else "opposite side limit order exists",
                existing_order_id=other.id,
            )


async def _reference_price(request: OrderRequest, instrument: Instrument, engine: Engine) -> int:
    """The price, in nanos, that converts a notional amount to a quantity. It is the limit price, else the
    stop price, else the ask for a buy and the bid for a sell, else the last price."""
    if request.limit_price is not None:
        return request.limit_price
    if request.stop_price is not None:
        return request.stop_price
    (quote,) = (await engine.query({"quote": [instrument.symbol]}))["quotes"]
    price = (quote["ask"] if request.side == "buy" else quote["bid"]) or quote["last"]
    if price is None:
        raise unprocessable(f"there is no price of {instrument.symbol} yet", reason="no_reference_price")
    return parse_nanos(price, "price")


async def _available(symbol: str, trader: Trader, engine: Engine) -> tuple[str, str, str] | None:
    """`available_of` the account's position in `symbol`; None if the engine does not return it."""
    try:
        state = await engine.query({"account": trader.account_id})
    except CiftError:
        return None
    for held in state["positions"]:
        if held["symbol"] == symbol:
            return available_of(held["quantity"], held["open_buys"], held["open_sells"])
    return "0", "0", "0"


def available_of(quantity: str, open_buys: str, open_sells: str) -> tuple[str, str, str]:
    """The signed quantity that a new order may close, the position's whole quantity, and the quantity that
    open orders already close."""
    whole = parse_nanos(quantity, "quantity", signed=True)
    held = parse_nanos(open_sells if whole > 0 else open_buys, "open quantity")
    free = max(abs(whole) - held, 0)
    sign = 1 if whole >= 0 else -1
    return format_nanos(sign * free), quantity, format_nanos(held)


@dataclass(frozen=True, slots=True)
class Found:
    """The order that an id belongs to. Here a replacement keeps the order's id; Alpaca gives it a new id.
    So one order has its own id and the id of each of its `revisions`."""

    view: OrderView
    revisions: list[Revision]
    number: int
    """The index of the id in the order's ids: 0 is the original order, `len(revisions)` the current one."""

    @property
    def is_current(self) -> bool:
        return self.number == len(self.revisions)


async def resolve(id: str, trader: Trader, database: Database) -> Found:
    """The order with this id, which may be the id of a replacement. Raises NotFound."""
    key = parse_uuid(id)
    if key is not None:
        await database.caught_up(trader.account_id, "project_orders")
        async with database.read(trader.account_id) as c:
            row = await store.order(c, trader.account_id, key)
            if row is None:
                original = await store.replaced_order_id(c, trader.account_id, key)
                row = await store.order(c, trader.account_id, original) if original is not None else None
            if row is not None:
                view = rules.order_view(row)
                revisions = [
                    _revision(each) for each in await store.replacements(c, trader.account_id, [view.id])
                ]
                return Found(view, revisions, [view.id, *(each.id for each in revisions)].index(key))
    raise NotFound("order_not_found", "You have no order with this id")


def _revision(row: Any) -> Revision:
    ppm, filled = row["trail_ppm"], row["filled_quantity"]
    average = None
    if filled:
        average = rules.average(int(row["filled_notional"] * NANOS), int(filled * NANOS))
    return Revision(
        id=row["id"],
        order_id=row["order_id"],
        replaced_at=rfc3339(from_datetime(row["replaced_at"])),
        quantity=required_text(row["quantity"]),
        filled_quantity=required_text(filled),
        average_fill_price=average,
        limit_price=decimal_text(row["limit_price"]),
        stop_price=decimal_text(row["stop_price"]),
        trail_amount=decimal_text(row["trail_amount"]),
        trail_percent=None if ppm is None else format_nanos(ppm * (NANOS // rules.PPM_PER_PERCENT)),
    )


async def find(id: str, trader: Trader, database: Database, *, nested: bool = False) -> bodies.Order:
    """An order in Alpaca's form, by its own id or that of a replacement. Raises NotFound."""
    found = await resolve(id, trader, database)
    instruments = await assets.directory(database)
    if not found.is_current:
        return orders.replaced_body(found.view, instruments, found.revisions, found.number)
    (current,) = await _bodies([found.view], trader, database, instruments, nested=nested)
    return current


async def replace(
    id: str, patch: OrderPatch, trader: Trader, engine: Engine, database: Database
) -> bodies.Order:
    """Replace an open order. The response has a new id, and the old one has the status `replaced`.

    Raises:
        NotFound: `order_not_found`.
        AlpacaError: the order has ended or was replaced, or the change is not possible.
        AppliedButNotVisible: the order is replaced, but the read model cannot show it yet.
    """
    found = await _open_order(id, trader, database, "replaceable")
    view = found.view
    if patch.time_in_force not in (None, view.time_in_force):
        raise unprocessable("time_in_force of an open order cannot be changed")
    if patch.client_order_id not in (None, view.client_order_id):
        raise unprocessable("client_order_id of an open order cannot be changed")
    by_percent = view.trail_percent is not None
    change = OrderChange.model_construct(
        quantity=patch.qty,
        limit_price=patch.limit_price,
        stop_price=patch.stop_price,
        trail_amount=None if by_percent else patch.trail,
        trail_percent=patch.trail if by_percent else None,
    )
    command = rules.replacement(change, trader.account_id, view.id, None)
    try:
        result = await order_entry.submit(engine, command)
    except Refused as refused:
        if refused.code == "price_not_on_tick":
            raise unprocessable(
                f"{refused.message}. sub-penny increment does not fulfill minimum pricing criteria",
                reason=refused.code,
            ) from None
        raise
    try:
        return await find(replacement_id(view.id, result.command_sequence), trader, database)
    except (ReadModelBehind, Unavailable, NotFound) as behind:
        raise AppliedButNotVisible(view.id) from behind


async def _open_order(id: str, trader: Trader, database: Database, what: str) -> Found:
    """The open order of this id. `what` completes the message of the error: "order is not replaceable".

    Raises:
        NotFound: `order_not_found`.
        AlpacaError: the id was replaced, or the order has ended.
    """
    found = await resolve(id, trader, database)
    if not found.is_current:
        raise unprocessable(f"order is not {what}: it was replaced", reason="order_not_open")
    if found.view.status not in OPEN:
        raise unprocessable(
            f'order is not {what}: it is already in "{found.view.status}" state', reason="order_not_open"
        )
    return found


async def find_by_client_order_id(client_order_id: str, trader: Trader, database: Database) -> bodies.Order:
    """An order by the id that the client gave it. Raises AlpacaError: 404."""
    await database.caught_up(trader.account_id, "project_orders")
    async with database.read(trader.account_id) as c:
        rows = await store.orders(
            c,
            trader.account_id,
            is_open=None,
            symbol=None,
            client_order_id=client_order_id,
            before=None,
            limit=1,
        )
    if not rows:
        raise not_found(f"order not found for {client_order_id[:64]}")
    instruments = await assets.directory(database)
    (found,) = await _bodies([rules.order_view(rows[0])], trader, database, instruments, nested=True)
    return found


async def _bodies(
    views: list[OrderView], trader: Trader, database: Database, instruments: Directory, *, nested: bool
) -> list[bodies.Order]:
    legs: dict[str, list[bodies.Order]] = defaultdict(list)
    parents = [view.id for view in views if view.legs]
    if nested and parents:
        async with database.read(trader.account_id) as c:
            rows = await store.legs(c, trader.account_id, parents)
        for row in rows:
            leg = rules.order_view(row)
            legs[leg.parent_id or ""].append(orders.body(leg, instruments))
    revisions: dict[str, list[Revision]] = defaultdict(list)
    if views:
        async with database.read(trader.account_id) as c:
            rows = await store.replacements(c, trader.account_id, [view.id for view in views])
        for row in rows:
            revisions[row["order_id"]].append(_revision(row))
    return [orders.body(view, instruments, revisions.get(view.id), legs.get(view.id)) for view in views]


async def search(
    trader: Trader,
    database: Database,
    *,
    status: str,
    limit: int,
    symbols: str | None,
    side: str | None,
    asset_class: str | None,
    after: datetime | None,
    until: datetime | None,
    nested: bool,
    ascending: bool,
    before_order_id: str | None = None,
    after_order_id: str | None = None,
) -> list[bodies.Order]:
    """The account's orders, newest first unless `ascending`. Raises AlpacaError, NotFound."""
    if before_order_id is not None and after_order_id is not None:
        raise invalid("before_order_id and after_order_id cannot both be given")
    bounds = [
        None if id is None else (await resolve(id, trader, database)).view.id
        for id in (before_order_id, after_order_id)
    ]
    instruments = await assets.directory(database)
    names = [name.strip() for name in symbols.split(",") if name.strip()] if symbols else None
    wanted = None
    if names is not None:
        wanted = [found.symbol for name in names if (found := instruments.find(name)) is not None]
    if asset_class in ("us_equity", "crypto"):
        of_class = {each.symbol for each in instruments.instruments if each.asset_class == asset_class}
        wanted = sorted(of_class) if wanted is None else [each for each in wanted if each in of_class]
    elif asset_class not in (None, "all"):
        wanted = []
    await database.caught_up(trader.account_id, "project_orders")
    window: dict[str, Any] = {
        "symbols": wanted,
        "side": side,
        "after": after,
        "until": until,
        "ascending": ascending,
        "before_id": bounds[0],
        "after_id": bounds[1],
    }
    async with database.read(trader.account_id) as c:
        rows = await store.search_orders(
            c,
            trader.account_id,
            is_open={"open": True, "closed": False}.get(status),
            roots_only=nested,
            limit=limit,
            **window,
        )
        replaced = []
        if status != "open":
            replaced = await store.search_replaced(c, trader.account_id, limit=limit, **window)
    views = [rules.order_view(row) for row in rows]
    listed = await _bodies(views, trader, database, instruments, nested=nested)
    for row in replaced:
        older = await resolve(row["order_id"], trader, database)
        numbers = {each.id: number for number, each in enumerate(older.revisions)}
        listed.append(orders.replaced_body(older.view, instruments, older.revisions, numbers[row["id"]]))
    if replaced:
        listed.sort(key=lambda each: each["submitted_at"], reverse=not ascending)
    return listed[:limit]


async def cancel(id: str, trader: Trader, engine: Engine, database: Database) -> None:
    """Cancel an open order. Raises NotFound; AlpacaError: it has ended."""
    found = await _open_order(id, trader, database, "cancelable")
    try:
        await order_entry.cancel(found.view.id, trader, engine, database, None)
    except Conflict as conflict:
        raise unprocessable(f"order is not cancelable: {conflict.message}", reason="order_not_open") from None


async def cancel_all(trader: Trader, engine: Engine, database: Database) -> list[bodies.CanceledOrder]:
    """Cancel all open orders by one command of the engine.

    Returns the status of each order that was open before, of at most `LIST_MAX` orders.
    """
    await database.caught_up(trader.account_id, "project_orders")
    async with database.read(trader.account_id) as c:
        rows = await store.search_orders(
            c,
            trader.account_id,
            is_open=True,
            symbols=None,
            side=None,
            after=None,
            until=None,
            roots_only=False,
            ascending=False,
            limit=LIST_MAX,
        )
    await order_entry.submit(
        engine,
        {"type": "cancel_all", "account": trader.account_id, "symbol": None, "idempotency_key": None},
    )
    ids = [str(row["id"]) for row in rows]
    await database.caught_up(trader.account_id, "project_orders")
    async with database.read(trader.account_id) as c:
        after = {str(row["id"]): row for row in await store.orders_by_id(c, trader.account_id, ids)}
    return [_canceled(id, rules.order_view(after[id])) for id in ids]


def _canceled(id: str, view: OrderView) -> bodies.CanceledOrder:
    if view.status == "canceled":
        return {"id": id, "status": 200, "body": None}
    error = unprocessable(f"order is already in {view.status} state", reason="order_not_open")
    return {"id": id, "status": 422, "body": fields(error)}
