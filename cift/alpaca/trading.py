"""Requests about orders: what they need from the engine and the read model, and their answers."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from cift.alpaca import assets, bodies, orders
from cift.alpaca.assets import Directory, Instrument
from cift.alpaca.errors import NOT_UNIQUE, AlpacaError, fields, not_found, unprocessable
from cift.alpaca.requests import OrderRequest
from cift.contracts.orders import OrderView
from cift.kernel.errors import CiftError, Conflict, NotFound, Refused
from cift.kernel.ids import parse_uuid, uuid7
from cift.kernel.money import format_nanos, parse_nanos
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import order_entry, rules, store

LIST_DEFAULT, LIST_MAX = 50, 500


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
    return orders.body(
        view, instruments, notional=request.notional, extended_hours=request.extended_hours or False
    )


async def _reference_price(request: OrderRequest, instrument: Instrument, engine: Engine) -> int:
    """The price, in nanos, by which a notional amount becomes a quantity: the limit, else the far side of the
    quote, else the last price."""
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
    """Of the position: what no order holds, the whole, and what orders hold; None if it cannot be known."""
    try:
        answer = await engine.query({"account": trader.account_id})
    except CiftError:
        return None
    for held in answer["positions"]:
        if held["symbol"] == symbol:
            return available_of(held["quantity"], held["open_buys"], held["open_sells"])
    return "0", "0", "0"


def available_of(quantity: str, open_buys: str, open_sells: str) -> tuple[str, str, str]:
    """Of a position: what no closing order holds, the whole, and what closing orders hold."""
    whole = parse_nanos(quantity, "quantity", signed=True)
    held = parse_nanos(open_sells if whole > 0 else open_buys, "held")
    free = max(abs(whole) - held, 0)
    sign = 1 if whole >= 0 else -1
    return format_nanos(sign * free), quantity, format_nanos(held)


async def find(id: str, trader: Trader, database: Database, *, nested: bool = False) -> bodies.Order:
    """An order by its id. Raises NotFound."""
    order_id = parse_uuid(id)
    if order_id is None:
        raise NotFound("order_not_found", f"order not found for {id[:64]}")
    view = await order_entry.find(order_id, trader, database)
    instruments = await assets.directory(database)
    (found,) = await _bodies([view], trader, database, instruments, nested=nested)
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
    return [orders.body(view, instruments, legs=legs.get(view.id)) for view in views]


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
) -> list[bodies.Order]:
    """The account's orders, newest first unless `ascending`."""
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
    async with database.read(trader.account_id) as c:
        rows = await store.search_orders(
            c,
            trader.account_id,
            is_open={"open": True, "closed": False}.get(status),
            symbols=wanted,
            side=side,
            after=after,
            until=until,
            roots_only=nested,
            ascending=ascending,
            limit=limit,
        )
    views = [rules.order_view(row) for row in rows]
    return await _bodies(views, trader, database, instruments, nested=nested)


async def cancel(id: str, trader: Trader, engine: Engine, database: Database) -> None:
    """Cancel an open order. Raises NotFound; AlpacaError: it has ended."""
    try:
        await order_entry.cancel(id, trader, engine, database, None)
    except Conflict as conflict:
        raise unprocessable(f"order is not cancelable: {conflict.message}", reason="order_not_open") from None


async def cancel_all(trader: Trader, engine: Engine, database: Database) -> list[bodies.CanceledOrder]:
    """Cancel all open orders, one by one, each with its own outcome."""
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
