"""Folds records of the journal into changes of accounts, positions and cash. Pure: no SQL, no clock.

Each fill contains the cash and the position after it, so the last one counts and nothing is looked up. Only
the balances of the system (world, fees) are sums, negated per account, because no event contains them. The
sums are exact, because the offset is committed in the same transaction.

Positions are folded minute by minute: the trigger that keeps position_history sees each position as it was at
the end of each minute, no matter how the records are cut into batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.platform.journal import JournalRecord
from cift.portfolio.rows import Account, AccountLimits, LedgerChanges, Transaction

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

NIL = "00000000-0000-0000-0000-000000000000"
# Rows of one event: two of the maker, then two of the taker (trade, fee).
ROWS_PER_EVENT = 4


def fold(records: list[JournalRecord]) -> LedgerChanges:
    """What these records, in order, change in the ledger."""
    changes = LedgerChanges()
    for record in records:
        at = record.timestamp
        first = record.record["first_command"]
        for offset, entry in enumerate(record.entries):
            sequence = first + offset
            for index, event in enumerate(entry["events"]):
                if event["type"] == "trade_executed":
                    _fold_trade(changes, event, at, sequence, index * ROWS_PER_EVENT)
                elif event["type"] == "level_changed":
                    break  # these are the last events of a command
                elif event["type"] not in _IGNORED:
                    _fold_other(changes, event, at, sequence, index * ROWS_PER_EVENT)
    return changes


_IGNORED = frozenset(
    {"order_accepted", "order_closed", "order_activated", "order_adjusted", "order_replaced"}
)


def _fold_trade(
    changes: LedgerChanges, trade: messages.TradeExecuted, at: int, sequence: int, entry: int
) -> None:
    taker_bought = trade["aggressor"] == "buy"
    # The engine posts the maker first: where both sides are of one account, the taker's cash is the last.
    _fold_side(changes, trade, trade["maker"], at, sequence, entry, bought=not taker_bought)
    _fold_side(changes, trade, trade["taker"], at, sequence, entry + 2, bought=taker_bought)


def _fold_side(
    changes: LedgerChanges,
    trade: messages.TradeExecuted,
    side: messages.FillSide,
    at: int,
    sequence: int,
    entry: int,
    *,
    bought: bool,
) -> None:
    symbol, trade_id = trade["symbol"], trade["trade"]
    notional = trade["price"] * trade["quantity"] // 1_000_000_000
    account, fee, cash = side["account"], side["fee"], side["cash"]
    changes.account(account, at, sequence).cash = cash
    position = changes.position(account, symbol, at, sequence)
    position.quantity, position.cost = side["position"], side["cost"]
    position.realized += side["realized"]
    order = None if side["order"] == NIL else side["order"]
    amount = -notional if bought else notional
    changes.transactions.append(
        Transaction(sequence, entry, account, "trade", amount, cash + fee, symbol, order, trade_id, None, at)
    )
    if fee:
        changes.fees[account] += fee
        changes.transactions.append(
            Transaction(sequence, entry + 1, account, "fee", -fee, cash, symbol, order, trade_id, None, at)
        )


def _fold_other(changes: LedgerChanges, event: messages.Event, at: int, sequence: int, entry: int) -> None:
    match event["type"]:
        case "account_opened":
            changes.opened.append(
                Account(event["account"], event["kind"], event["role"], event["currency"], at, at, sequence)
            )
        case "limits_set":
            account, limits = event["account"], event["limits"]
            changes.account(account, at, sequence)
            changes.limits[account] = AccountLimits(
                id=account,
                max_order_quantity=limits["max_order_quantity"],
                max_order_notional=limits["max_order_notional"],
                max_position=limits["max_position"],
                max_open_orders=limits["max_open_orders"],
                max_orders_per_second=limits["max_orders_per_second"],
                max_daily_loss=limits["max_daily_loss"],
                leverage_percent=limits["leverage_percent"],
            )
        case "account_state_set":
            changes.account(event["account"], at, sequence).state = event["state"]
        case "cash_moved":
            account, amount, cash = event["account"], event["amount"], event["cash"]
            changes.account(account, at, sequence).cash = cash
            changes.world[account] -= amount
            transfer = None if event["transfer"] == NIL else event["transfer"]
            changes.transactions.append(
                Transaction(
                    sequence, entry, account, event["kind"], amount, cash, None, None, None, transfer, at
                )
            )
        case "position_moved":
            position = changes.position(event["account"], event["symbol"], at, sequence)
            position.quantity, position.cost = event["position"], event["cost"]
