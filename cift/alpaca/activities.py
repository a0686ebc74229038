"""Account activities in Alpaca's form: fills, and movements of cash that are no fills.

The id of an activity is its time and a UUID of its place in the journal (sequence, table, row). So ids of an
account sort by time, and `page_token`, the last id of a page, needs no state.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cift.alpaca import times
from cift.alpaca.errors import invalid
from cift.contracts.accounts import TransactionView
from cift.contracts.amounts import required_text
from cift.contracts.orders import FillView
from cift.kernel.clock import parse_rfc3339, to_datetime
from cift.kernel.ids import parse_uuid
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import rules as portfolio_rules
from cift.portfolio import store as portfolio_store
from cift.trading import rules as trading_rules
from cift.trading import store as trading_store

PAGE_MAX = 100
_KINDS = {
    "CSD": "deposit",
    "CSW": "withdrawal",
    "JNLC": "reset",
    "DIV": "dividend",
    "CIL": "cash_in_lieu",
    "MISC": "liquidation",
    "JNL": "deficit",
    "FEE": "fee",
}
"""Alpaca's type of a movement of cash → ours. Trades are FILL."""
_TYPES = {ours: theirs for theirs, ours in _KINDS.items()}
_GROUPS = {"TRANS": {"CSD", "CSW"}}
_TABLE_CASH, _TABLE_FILLS = 0, 1
Key = tuple[int, int, int]
"""Sequence in the journal, table, row."""


def id_of(at: str, key: Key) -> str:
    """The id of an activity at that time (RFC 3339)."""
    nanoseconds = parse_rfc3339(at)
    assert nanoseconds is not None, at
    moment = to_datetime(nanoseconds)
    sequence, table, row = key
    hexadecimal = f"{sequence:016x}{table:08x}{row:08x}"
    text = "-".join(
        (hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:])
    )
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}::{text}"


def key_of(id: str) -> Key:
    """The place of an activity in the journal, from its id. Raises AlpacaError."""
    found = parse_uuid(id.rpartition("::")[2])
    if found is None:
        raise invalid(
            f"invalid page_token {id[:64]!r}: it is the id of the last activity of the previous page"
        )
    value = int(found.replace("-", ""), 16)
    return value >> 64, value >> 32 & 0xFFFF_FFFF, value & 0xFFFF_FFFF


def types_of(text: str | None, category: str | None) -> frozenset[str]:
    """The types that a request names, separated by commas; without any, all."""
    known = {"FILL", *_KINDS}
    wanted = known
    if text:
        wanted = set()
        for name in text.upper().split(","):
            wanted |= _GROUPS.get(name.strip(), {name.strip()})
    if category == "trade_activity":
        wanted = wanted & {"FILL"}
    elif category == "non_trade_activity":
        wanted = wanted - {"FILL"}
    elif category is not None:
        raise invalid(f"invalid category {category[:32]!r}")
    return frozenset(wanted & known)


async def activities(
    trader: Trader,
    database: Database,
    *,
    types: frozenset[str],
    date: str | None,
    after: str | None,
    until: str | None,
    ascending: bool,
    page_size: int,
    page_token: str | None,
) -> list[dict[str, Any]]:
    """A page of activities. Raises AlpacaError."""
    since, before = times.moment(after, "after"), times.moment(until, "until")
    if date is not None:
        day = times.moment(date, "date")
        assert day is not None
        since, before = day - timedelta(microseconds=1), day + timedelta(days=1)
    token = key_of(page_token) if page_token else None
    await database.caught_up(trader.account_id, "project_orders", "project_ledger")
    found: list[tuple[Key, dict[str, Any]]] = []
    async with database.read(trader.account_id) as c:
        if "FILL" in types:
            rows = await trading_store.fills_between(
                c,
                trader.account_id,
                _bound(token, _TABLE_FILLS, ascending),
                since,
                before,
                ascending,
                page_size,
            )
            found += [_fill(row) for row in rows]
        kinds = [_KINDS[name] for name in types if name in _KINDS]
        if kinds:
            rows = await portfolio_store.transactions_between(
                c,
                trader.account_id,
                kinds,
                _bound(token, _TABLE_CASH, ascending),
                since,
                before,
                ascending,
                page_size,
            )
            found += [_cash(row, trader.account_id) for row in rows]
    found.sort(key=lambda each: each[0], reverse=not ascending)
    return [body for _, body in found[:page_size]]


def _bound(token: Key | None, table: int, ascending: bool) -> tuple[int, int] | None:
    """The (sequence, row) beyond which a table's rows follow the token."""
    if token is None:
        return None
    sequence, of, row = token
    if table == of:
        return sequence, row
    follows = table > of if ascending else table < of
    # Rows of the same command: all follow the token, or none.
    if ascending:
        return (sequence, -1) if follows else (sequence, 2**31 - 1)
    return (sequence, 2**31 - 1) if follows else (sequence, -1)


def _fill(row: Any) -> tuple[Key, dict[str, Any]]:
    view: FillView = trading_rules.fill_view(row)
    key = (row["sequence"], _TABLE_FILLS, row["entry"])
    leaves = row["order_quantity"] - row["filled_before"] - row["quantity"]
    return key, {
        "id": id_of(view.executed_at, key),
        "activity_type": "FILL",
        "account_id": str(row["account_id"]),
        "transaction_time": view.executed_at,
        "type": "partial_fill" if leaves > 0 else "fill",
        "price": view.price,
        "qty": view.quantity,
        "side": view.side,
        "symbol": view.symbol,
        "leaves_qty": required_text(max(leaves, leaves * 0)),
        "cum_qty": required_text(row["filled_before"] + row["quantity"]),
        "order_id": view.order_id,
        "order_status": "partially_filled" if leaves > 0 else "filled",
    }


def _cash(row: Any, account: str) -> tuple[Key, dict[str, Any]]:
    view: TransactionView = portfolio_rules.transaction_view(row)
    key = (row["sequence"], _TABLE_CASH, row["entry"])
    return key, {
        "id": id_of(view.created_at, key),
        "activity_type": _TYPES[view.kind],
        "activity_sub_type": "",
        "account_id": account,
        "date": view.created_at[:10],
        "created_at": view.created_at,
        "net_amount": view.amount,
        "description": view.kind.replace("_", " "),
        "symbol": view.symbol or "",
        "qty": "0",
        "per_share_amount": "0",
        "currency": "USD",
        "status": "executed",
    }


def page_size_of(given: int | None) -> int:
    """The size of a page. Raises AlpacaError."""
    if given is None:
        return PAGE_MAX
    if not 1 <= given <= PAGE_MAX:
        raise invalid(f"page_size must be between 1 and {PAGE_MAX}")
    return given
