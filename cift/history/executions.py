"""Journal records as blocks: fills, positions and cash of accounts, and the exchange's own trades as
ticks. Pure.

All rows carry the journal's own numbers. So a redelivered record makes the same rows, and the tables'
keys drop them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cift.platform.journal import JournalRecord
from cift.platform.native import NANOS, TIME, WIDE_NANOS, block, same, strings, wide

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

EVENTS_PER_COMMAND_MAX = 1024
"""Above the engine's own limit. The sequence of a trade's tick is command x 1024 + index among its events."""
SIDES = {"buy": 1, "sell": -1}


@dataclass(slots=True)
class Rows:
    """Rows by table. Each row is a tuple in the order of the columns in `blocks`."""

    trades: list[tuple[Any, ...]] = field(default_factory=list)
    fills: list[tuple[Any, ...]] = field(default_factory=list)
    positions: list[tuple[Any, ...]] = field(default_factory=list)
    cash: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    """(record, account) → (at, cash): the last value of a record is kept."""


def fold(records: Sequence[JournalRecord]) -> Rows:
    """The rows of these records."""
    rows = Rows()
    for record in records:
        at, first = record.timestamp, record.record["first_command"]
        for offset, entry in enumerate(record.entries):
            for index, event in enumerate(entry["events"]):
                match event["type"]:
                    case "level_changed":
                        break  # only level changes follow
                    case "trade_executed":
                        _trade(rows, event, record.sequence, first + offset, index, at)
                    case "cash_moved":
                        rows.cash[record.sequence, event["account"]] = (at, event["cash"])
                    case "position_moved":
                        position = (event["account"], event["symbol"], event["position"], event["cost"], 0)
                        rows.positions.append((first + offset, index * 2, at, *position))
    return rows


def _trade(
    rows: Rows, event: messages.TradeExecuted, record: int, sequence: int, index: int, at: int
) -> None:
    assert index < EVENTS_PER_COMMAND_MAX
    symbol, price, quantity, trade = event["symbol"], event["price"], event["quantity"], event["trade"]
    taker = SIDES[event["aggressor"]]
    number = sequence * EVENTS_PER_COMMAND_MAX + index
    rows.trades.append((symbol, at, number, price, quantity, taker, record))
    sides = (("maker", -taker, event["maker"]), ("taker", taker, event["taker"]))
    for place, (name, side, fill) in enumerate(sides):
        account = fill["account"]
        rows.fills.append(
            (
                sequence,
                index,
                name,
                at,
                symbol,
                account,
                fill["order"],
                trade,
                side,
                price,
                quantity,
                fill["fee"],
                fill["leaves"],
            )
        )
        position = (account, symbol, fill["position"], fill["cost"], fill["realized"])
        rows.positions.append((sequence, index * 2 + place, at, *position))
        rows.cash[record, account] = (at, fill["cash"])


def blocks(rows: Rows, journal_id: str) -> Iterator[tuple[str, bytes]]:
    """Table and block of each insert."""
    import numpy as np

    def column(type_: Any, values: Sequence[int]) -> Any:
        return np.array(values, type_)

    if rows.trades:
        symbols, at, number, price, quantity, side, record = zip(*rows.trades, strict=True)
        count = len(symbols)
        yield (
            "ticks_analytics",
            block(
                count,
                [
                    ("symbol", "String", strings(symbols)),
                    ("source", "String", same("exchange", count)),
                    ("at", TIME, column(np.int64, at)),
                    ("sequence", "UInt64", column(np.uint64, number)),
                    ("price", NANOS, column(np.int64, price)),
                    ("quantity", NANOS, column(np.int64, quantity)),
                    ("side", "Int8", column(np.int8, side)),
                    ("conditions", "UInt32", np.zeros(count, np.uint32)),
                    ("origin", "UInt64", column(np.uint64, record)),
                ],
            ),
        )
    if rows.fills:
        sequence, entry, liquidity, at, symbols, account, order, trade, side, price, quantity, fee, leaves = (
            zip(*rows.fills, strict=True)
        )
        count = len(sequence)
        yield (
            "trade_executions",
            block(
                count,
                [
                    ("journal", "String", same(journal_id, count)),
                    ("sequence", "UInt64", column(np.uint64, sequence)),
                    ("entry", "UInt32", column(np.uint32, entry)),
                    ("liquidity", "String", strings(liquidity)),
                    ("at", TIME, column(np.int64, at)),
                    ("symbol", "String", strings(symbols)),
                    ("account", "String", strings(account)),
                    ("order", "String", strings(order)),
                    ("trade", "UInt64", column(np.uint64, trade)),
                    ("side", "Int8", column(np.int8, side)),
                    ("price", NANOS, column(np.int64, price)),
                    ("quantity", NANOS, column(np.int64, quantity)),
                    ("fee", WIDE_NANOS, wide(fee)),
                    ("leaves", NANOS, column(np.int64, leaves)),
                ],
            ),
        )
    if rows.positions:
        sequence, entry, at, account, symbols, quantity, cost, realized = zip(*rows.positions, strict=True)
        count = len(sequence)
        yield (
            "position_history_analytics",
            block(
                count,
                [
                    ("journal", "String", same(journal_id, count)),
                    ("sequence", "UInt64", column(np.uint64, sequence)),
                    ("entry", "UInt32", column(np.uint32, entry)),
                    ("at", TIME, column(np.int64, at)),
                    ("account", "String", strings(account)),
                    ("symbol", "String", strings(symbols)),
                    ("quantity", NANOS, column(np.int64, quantity)),
                    ("cost", WIDE_NANOS, wide(cost)),
                    ("realized", WIDE_NANOS, wide(realized)),
                ],
            ),
        )
    if rows.cash:
        count = len(rows.cash)
        yield (
            "account_snapshots",
            block(
                count,
                [
                    ("journal", "String", same(journal_id, count)),
                    ("record", "UInt64", column(np.uint64, [key[0] for key in rows.cash])),
                    ("at", TIME, column(np.int64, [at for at, _ in rows.cash.values()])),
                    ("account", "String", strings(key[1] for key in rows.cash)),
                    ("cash", WIDE_NANOS, wide(cash for _, cash in rows.cash.values())),
                ],
            ),
        )
