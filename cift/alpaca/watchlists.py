"""Watchlists in Alpaca's form, found by id or by name."""

from __future__ import annotations

from typing import Any

from cift.alpaca import assets, bodies
from cift.alpaca.assets import Directory
from cift.alpaca.errors import AlpacaError, not_found, unprocessable
from cift.alpaca.requests import WatchlistRequest
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.errors import Conflict
from cift.kernel.ids import parse_uuid
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import watchlists as store


def _body(row: Any, instruments: Directory | None) -> bodies.Watchlist:
    found = None
    if instruments is not None:
        listed = [instruments.find(symbol) for symbol in row["symbols"]]
        found = [assets.body(each) for each in listed if each is not None]
    return {
        "id": row["id"],
        "account_id": row["account_id"],
        "created_at": rfc3339(from_datetime(row["created_at"])),
        "updated_at": rfc3339(from_datetime(row["updated_at"])),
        "name": row["name"],
        "assets": found,
    }


async def list_all(trader: Trader, database: Database) -> list[bodies.Watchlist]:
    """All watchlists of the account, without their assets."""
    async with database.read(trader.account_id) as c:
        rows = await store.all_of(c, trader.account_id)
    return [_body(row, None) for row in rows]


async def _row(trader: Trader, database: Database, id: str | None, name: str | None) -> Any:
    key = parse_uuid(id) if id is not None else None
    row = None
    if key is not None or name is not None:
        async with database.read(trader.account_id) as c:
            row = await store.find(c, trader.account_id, id=key, name=name)
    if row is None:
        raise not_found("watchlist not found")
    return row


async def get(
    trader: Trader, database: Database, *, id: str | None = None, name: str | None = None
) -> bodies.Watchlist:
    """One watchlist. Raises AlpacaError: 404."""
    row = await _row(trader, database, id, name)
    return _body(row, await assets.directory(database))


def _symbols(instruments: Directory, names: list[str]) -> list[str]:
    found = []
    for name in names:
        instrument = instruments.find(name)
        if instrument is None:
            raise unprocessable(f'asset "{name[:64]}" not found', reason="unknown_symbol")
        found.append(instrument.symbol)
    return found


async def create(request: WatchlistRequest, trader: Trader, database: Database) -> bodies.Watchlist:
    """A new watchlist. Raises AlpacaError: 422."""
    if request.name is None:
        raise unprocessable("watchlist name is required")
    instruments = await assets.directory(database)
    symbols = _symbols(instruments, request.symbols or [])
    try:
        async with database.write() as c:
            row = await store.create(c, trader.account_id, request.name, symbols)
    except Conflict as conflict:
        raise AlpacaError(
            422, 40010001, f"watchlist name must be unique: {request.name}", reason=conflict.code
        ) from None
    return _body(row, instruments)


async def change(
    trader: Trader,
    database: Database,
    *,
    id: str | None = None,
    name: str | None = None,
    to: WatchlistRequest | None = None,
    add: str | None = None,
    remove: str | None = None,
) -> bodies.Watchlist:
    """Set name and symbols of a watchlist, add a symbol, or remove one.

    Raises:
        AlpacaError: 404: no such watchlist, or it does not have the symbol to remove; 422.
    """
    row = await _row(trader, database, id, name)
    instruments = await assets.directory(database)
    symbols, new_name = list(row["symbols"]), row["name"]
    if to is not None:
        new_name = to.name or new_name
        if to.symbols is not None:
            symbols = _symbols(instruments, to.symbols)
    if add is not None:
        symbols += _symbols(instruments, [add])
    if remove is not None:
        instrument = instruments.find(remove)
        if instrument is None or instrument.symbol not in symbols:
            raise not_found(f"{remove[:64]} is not in the watchlist")
        symbols.remove(instrument.symbol)
    try:
        async with database.write() as c:
            changed = await store.write(c, trader.account_id, row["id"], new_name, symbols)
    except Conflict as conflict:
        raise AlpacaError(422, 40010001, conflict.message, reason=conflict.code) from None
    if changed is None:
        raise not_found("watchlist not found")
    return _body(changed, instruments)


async def delete(
    trader: Trader, database: Database, *, id: str | None = None, name: str | None = None
) -> None:
    """Delete a watchlist. Raises AlpacaError: 404."""
    row = await _row(trader, database, id, name)
    async with database.write() as c:
        await store.delete(c, trader.account_id, row["id"])
