"""Requests about the account and its positions: what they need, and their answers in Alpaca's form."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from cift.alpaca import account as translation
from cift.alpaca import assets, bodies, history, orders, trading
from cift.alpaca.assets import Directory
from cift.alpaca.errors import AlpacaError, fields, forbidden, invalid, not_found, unprocessable
from cift.alpaca.requests import ConfigurationPatch, OrderRequest
from cift.kernel.clock import now_ns, to_datetime
from cift.kernel.errors import CiftError, Refused
from cift.kernel.ids import uuid7
from cift.kernel.money import NANOS, format_nanos, parse_nanos
from cift.platform.calendars import calendar
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import history as equity
from cift.portfolio import history_store, store
from cift.trading import account_settings, order_entry, rules
from cift.trading.account_settings import AccountSettings

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

PERCENT_MAX = 100 * NANOS


async def account(trader: Trader, engine: Engine, database: Database) -> bodies.Account:
    """The account. Raises Unavailable."""
    answer = await engine.query({"account": trader.account_id})
    async with database.read(trader.account_id) as c:
        opened_at = await store.opened_at(c, trader.account_id)
        settings = await account_settings.read(c, trader.account_id)
    return translation.body(
        answer, opened_at, suspended_by_user=settings.suspend_trade, no_shorting=settings.no_shorting
    )


def configuration_body(settings: AccountSettings) -> bodies.Configuration:
    """The settings of an account. The two checks of day trades have no effect; older clients require them."""
    return {
        "dtbp_check": "entry",
        "pdt_check": "entry",
        "fractional_trading": settings.fractional_trading,
        "max_margin_multiplier": settings.max_margin_multiplier,
        "no_shorting": settings.no_shorting,
        "suspend_trade": settings.suspend_trade,
        "trade_confirm_email": settings.trade_confirm_email,
        "ptp_no_exception_entry": settings.ptp_no_exception_entry,
        "max_options_trading_level": settings.max_options_trading_level or 0,
        "disable_overnight_trading": settings.disable_overnight_trading,
        "wash_trade_guard": settings.wash_trade_guard,
    }


async def configuration(trader: Trader, database: Database) -> bodies.Configuration:
    """The settings of the account."""
    async with database.read(trader.account_id) as c:
        return configuration_body(await account_settings.read(c, trader.account_id))


async def configure(patch: ConfigurationPatch, trader: Trader, database: Database) -> bodies.Configuration:
    """Change settings of the account. Raises AlpacaError: a value is not allowed."""
    changes = patch.model_dump(exclude_none=True, exclude={"dtbp_check", "pdt_check"})
    if changes.get("max_margin_multiplier", "4") not in ("1", "2", "4"):
        raise invalid("max_margin_multiplier must be 1, 2 or 4")
    if not 0 <= changes.get("max_options_trading_level", 0) <= 3:
        raise invalid("max_options_trading_level must be between 0 and 3")
    async with database.write() as c:
        await account_settings.write(c, trader.account_id, changes)
        return configuration_body(await account_settings.read(c, trader.account_id))


async def _positions(
    trader: Trader, engine: Engine, database: Database
) -> tuple[list[messages.HeldPosition], Directory, dict[str, int], bool]:
    answer = await engine.query({"account": trader.account_id})
    held = [each for each in answer["positions"] if parse_nanos(each["quantity"], "quantity", signed=True)]
    instruments = await assets.directory(database)
    zone = calendar().zone
    midnight = datetime.combine(to_datetime(now_ns()).astimezone(zone).date(), time(), zone)
    async with database.read(trader.account_id) as c:
        closes = await history_store.closes_before(c, [each["symbol"] for each in held], midnight)
    return held, instruments, closes, answer["account"]["kind"] == "margin"


async def positions(trader: Trader, engine: Engine, database: Database) -> list[bodies.Position]:
    """The open positions, from the engine."""
    held, instruments, closes, margin = await _positions(trader, engine, database)
    return [
        translation.position(each, instruments, closes.get(each["symbol"]), margin=margin) for each in held
    ]


async def position(name: str, trader: Trader, engine: Engine, database: Database) -> bodies.Position:
    """The position in a symbol or asset id. Raises AlpacaError: 404."""
    held, instruments, closes, margin = await _positions(trader, engine, database)
    found = _held(name, held, instruments)
    return translation.position(found, instruments, closes.get(found["symbol"]), margin=margin)


def _held(name: str, held: list[messages.HeldPosition], instruments: Directory) -> messages.HeldPosition:
    instrument = instruments.find(name)
    for each in held:
        if instrument is not None and each["symbol"] == instrument.symbol:
            return each
    raise not_found("position does not exist")


async def close(
    name: str,
    quantity: int | None,
    percentage: int | None,
    trader: Trader,
    engine: Engine,
    database: Database,
) -> bodies.Order:
    """Close a position, or a part of it, by a market order. Raises AlpacaError."""
    if quantity is not None and percentage is not None:
        raise unprocessable("qty and percentage cannot both be given")
    held, instruments, _, _ = await _positions(trader, engine, database)
    found = _held(name, held, instruments)
    return await _close(found, quantity, percentage, instruments, trader, engine)


async def _close(
    held: messages.HeldPosition,
    quantity: int | None,
    percentage: int | None,
    instruments: Directory,
    trader: Trader,
    engine: Engine,
) -> bodies.Order:
    symbol = held["symbol"]
    whole = parse_nanos(held["quantity"], "quantity", signed=True)
    wanted = abs(whole) if quantity is None else quantity
    if percentage is not None:
        if not 0 < percentage <= PERCENT_MAX:
            raise unprocessable("percentage must be between 0 and 100")
        lot = int(instruments.require(symbol).lot * NANOS)
        wanted = abs(whole) * percentage // PERCENT_MAX // lot * lot
    free, existing, waiting = trading.available_of(held["quantity"], held["open_buys"], held["open_sells"])
    if not 0 < wanted <= abs(parse_nanos(free, "quantity", signed=True)):
        raise forbidden(
            f"insufficient qty available for order (requested: {format_nanos(wanted)}, available: {free})",
            reason="insufficient_position",
            available=free,
            existing_qty=existing,
            held_for_orders=waiting,
            symbol=symbol,
        )
    request = OrderRequest.model_construct(
        symbol=symbol,
        qty=wanted,
        side="sell" if whole > 0 else "buy",
        type="market",
        time_in_force="day",
    )
    order = orders.new_order(request, instruments.require(symbol), wanted)
    order.reduce_only = True
    command = rules.admit(order, trader.account_id, uuid7(), order.client_order_id)
    try:
        result = await order_entry.submit(engine, command)
    except Refused as refused:
        raise orders.refusal(refused, request, (free, existing, waiting)) from None
    assert result.order is not None, "the result of place_order has the order"
    view = rules.placed(command, result.order, result.timestamp, result.command_sequence)
    return orders.body(view, instruments)


async def close_all(
    cancel_orders: bool, trader: Trader, engine: Engine, database: Database
) -> list[bodies.ClosedPosition]:
    """Close every position by a market order; `cancel_orders`: after canceling all open orders."""
    if cancel_orders:
        await order_entry.submit(
            engine,
            {"type": "cancel_all", "account": trader.account_id, "symbol": None, "idempotency_key": None},
        )
    held, instruments, _, _ = await _positions(trader, engine, database)
    closed: list[bodies.ClosedPosition] = []
    for each in held:
        try:
            order = await _close(each, None, None, instruments, trader, engine)
        except CiftError as error:
            body = fields(error)
            status = error.status
            closed.append({"symbol": each["symbol"], "status": status, "body": body})
        else:
            closed.append({"symbol": each["symbol"], "status": 200, "body": dict(order)})
    return closed


async def portfolio_history(
    trader: Trader,
    database: Database,
    *,
    period: str | None,
    timeframe: str | None,
    start: str | None,
    end: str | None,
) -> bodies.History:
    """The equity of the account over time. Raises AlpacaError."""
    await database.caught_up(trader.account_id, "project_ledger", "project_market")
    async with database.read(trader.account_id) as c:
        opened_at = await store.opened_at(c, trader.account_id)
        found = history.parse(period, timeframe, start, end, opened_at, to_datetime(now_ns()))
        curve = await equity.curve(c, trader.account_id, found.spans)
    return history.body(curve.points, equity.performance(curve), found.timeframe)


def amount(text: str | None, name: str) -> int | None:
    """A decimal number of a query, in nanos. Raises AlpacaError."""
    if text is None:
        return None
    try:
        return parse_nanos(text, name)
    except Refused:
        raise AlpacaError(422, 40010001, f"{name} must be a positive number, not {text[:32]!r}") from None
