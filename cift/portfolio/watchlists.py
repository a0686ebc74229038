"""Watchlists: named, ordered lists of symbols of an account. SQL; every write is checked by its account."""

from typing import Any

import asyncpg

from cift.kernel.errors import Conflict, Refused
from cift.kernel.ids import uuid7
from cift.platform.postgres import Connection

LISTS_MAX = 200
SYMBOLS_MAX = 500
_COLUMNS = "id::text, account_id::text, name, symbols, created_at, updated_at"


async def all_of(c: Connection, account: str) -> list[asyncpg.Record]:
    """The watchlists of an account, oldest first."""
    return await c.fetch(
        f"SELECT {_COLUMNS} FROM watchlists WHERE account_id = $1 ORDER BY created_at, id",  # noqa: S608
        account,
    )


async def find(
    c: Connection, account: str, *, id: str | None = None, name: str | None = None
) -> asyncpg.Record | None:
    """A watchlist by its id or by its name."""
    return await c.fetchrow(
        f"SELECT {_COLUMNS} FROM watchlists WHERE account_id = $1"  # noqa: S608
        " AND ($2::uuid IS NULL OR id = $2) AND ($3::text IS NULL OR name = $3)",
        account,
        id,
        name,
    )


async def create(c: Connection, account: str, name: str, symbols: list[str]) -> Any:
    """A new watchlist. Raises Conflict: the name is in use. Refused: there are LISTS_MAX."""
    count = await c.fetchval("SELECT count(*) FROM watchlists WHERE account_id = $1", account)
    if count >= LISTS_MAX:
        raise Refused("too_many_watchlists", f"An account has at most {LISTS_MAX} watchlists: delete one")
    row = await c.fetchrow(
        "INSERT INTO watchlists (id, account_id, name, symbols) VALUES ($1, $2, $3, $4)"  # noqa: S608
        f" ON CONFLICT (account_id, name) DO NOTHING RETURNING {_COLUMNS}",
        uuid7(),
        account,
        name,
        _checked(symbols),
    )
    if row is None:
        raise _name_used(name)
    return row


async def write(c: Connection, account: str, id: str, name: str, symbols: list[str]) -> Any:
    """Set the name and the symbols of a watchlist, which must exist. Raises Conflict: the name is in use."""
    try:
        return await c.fetchrow(
            "UPDATE watchlists SET name = $3, symbols = $4, updated_at = now()"  # noqa: S608
            f" WHERE account_id = $1 AND id = $2 RETURNING {_COLUMNS}",
            account,
            id,
            name,
            _checked(symbols),
        )
    except asyncpg.UniqueViolationError:
        raise _name_used(name) from None


async def delete(c: Connection, account: str, id: str) -> None:
    """Delete a watchlist, if it exists."""
    await c.execute("DELETE FROM watchlists WHERE account_id = $1 AND id = $2", account, id)


def _checked(symbols: list[str]) -> list[str]:
    unique = list(dict.fromkeys(symbols))
    if len(unique) > SYMBOLS_MAX:
        raise Refused("too_many_symbols", f"A watchlist has at most {SYMBOLS_MAX} symbols", "symbols")
    return unique


def _name_used(name: str) -> Conflict:
    return Conflict("watchlist_exists", f"There is a watchlist with the name {name!r}", "name")
