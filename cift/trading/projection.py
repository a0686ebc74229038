"""Folds records of the journal into changes of orders and fills. Pure: no SQL, no clock.

Events contain everything that is needed, so nothing is looked up. An order accepted in the batch becomes
one row in its last state; one accepted before becomes one update, whose None fields leave the columns as
they are. The result does not depend on how records are cut into batches.

Refused orders are kept with the terms of their command. Not kept: those whose id or account cannot be trusted
(`NOT_KEPT`), and repeated requests, which made no order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.contracts import item_ids
from cift.platform.journal import JournalRecord
from cift.trading.rows import (
    Fill,
    Order,
    OrderChanges,
    OrderUpdate,
    Replacement,
    accepted,
    replacement_id,
    split_trail,
)

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

NIL = "00000000-0000-0000-0000-000000000000"
"""The order of a house account: it has quotes, no orders."""
NOT_KEPT = frozenset({"idempotency_conflict", "duplicate_order_id", "unknown_account"})


def fold(records: list[JournalRecord]) -> OrderChanges:
    """What these records, in order, change in orders and fills."""
    changes = OrderChanges()
    for record in records:
        timestamp = record.timestamp
        first = record.record["first_command"]
        for offset, entry in enumerate(record.entries):
            events = entry["events"]
            if events:
                _fold_entry(changes, entry["command"], events, timestamp, first + offset)
    return changes


def _fold_entry(
    changes: OrderChanges,
    command: messages.JournalCommand,
    events: list[messages.Event],
    at: int,
    sequence: int,
) -> None:
    for index, event in enumerate(events):
        match event["type"]:
            case "level_changed":
                return  # these are the last events of a command
            case "trade_executed":
                place = index * item_ids.PLACES_PER_EVENT
                _fold_side(
                    changes, event, event["maker"], at, sequence, place + item_ids.MAKER_FILL, taker=False
                )
                _fold_side(
                    changes, event, event["taker"], at, sequence, place + item_ids.TAKER_FILL, taker=True
                )
            case "order_accepted":
                changes.new[event["order"]] = accepted(command, event, at, sequence)
            case "order_closed":
                row = changes.at(event["order"], at, sequence)
                row.status, row.reason = event["status"], event["reason"]
            case "order_activated":
                row = changes.at(event["order"], at, sequence)
                row.status, row.quantity = event["status"], event["quantity"]
            case "order_adjusted":
                row = changes.at(event["order"], at, sequence)
                row.quantity = event["quantity"]
                if event["stop_price"] is not None:
                    row.stop_price = event["stop_price"]
            case "order_replaced":
                row = changes.at(event["order"], at, sequence)
                changes.replacements.append(_before(row, event["account"], at, sequence))
                row.quantity = event["quantity"]
                if event["limit_price"] is not None:
                    row.limit_price = event["limit_price"]
                if event["stop_price"] is not None:
                    row.stop_price = event["stop_price"]
                if event["trail"] is not None:
                    row.trail_amount, row.trail_ppm = split_trail(event["trail"])
            case "refused":
                if command["type"] == "place_order" and event["reason"] not in NOT_KEPT:
                    terms = {**command, "parent": None, "status": "rejected"}
                    refused = accepted(command, terms, at, sequence)
                    refused.reason = event["reason"]
                    refused.legs = []
                    changes.new[refused.id] = refused


def _before(row: Order | OrderUpdate, account: str, at: int, sequence: int) -> Replacement:
    """The order before the replacement that is folded now."""
    return Replacement(
        id=replacement_id(row.id, sequence),
        order_id=row.id,
        account_id=account,
        sequence=sequence,
        replaced_at=at,
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
        filled_notional=row.filled_notional,
        limit_price=row.limit_price,
        stop_price=row.stop_price,
        trail_amount=row.trail_amount,
        trail_ppm=row.trail_ppm,
    )


def _fold_side(
    changes: OrderChanges,
    trade: messages.TradeExecuted,
    side: messages.FillSide,
    at: int,
    sequence: int,
    entry: int,
    *,
    taker: bool,
) -> None:
    """Adds the fill of one side of a trade, and its order's new state."""
    if side["order"] == NIL:
        return
    row = changes.at(side["order"], at, sequence)
    row.status = "partially_filled" if side["leaves"] else "filled"
    row.filled_quantity, row.filled_notional = side["filled"], side["filled_notional"]
    bought = (trade["aggressor"] == "buy") == taker
    changes.fills.append(
        Fill(
            sequence,
            entry,
            side["order"],
            side["account"],
            trade["trade"],
            trade["symbol"],
            "buy" if bought else "sell",
            "taker" if taker else "maker",
            trade["price"],
            trade["quantity"],
            side["fee"],
            side["realized"],
            side["position"],
            at,
        )
    )
