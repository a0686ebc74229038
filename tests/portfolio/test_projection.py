"""The fold of records into the ledger: amounts sum to zero, positions are kept per minute, cash is the
engine's."""

from typing import Any

from cift.platform.journal import JournalRecord
from cift.portfolio.projection import NIL, fold
from cift.portfolio.rows import MINUTE_NS

A, B = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"


def record(sequence: int, at: int, *events: dict[str, Any]) -> JournalRecord:
    found = JournalRecord(sequence, b"")
    found.__dict__["record"] = {
        "timestamp": at,
        "first_command": sequence,
        "entries": [{"command": {"type": "x"}, "outcome": {}, "events": list(events)}],
    }
    return found


def side(account: str, cash: int, position: int, fee: int = 0, order: str = A) -> dict[str, Any]:
    return {
        "order": order,
        "account": account,
        "fee": fee,
        "filled": 1,
        "leaves": 0,
        "filled_notional": 1,
        "cash": cash,
        "position": position,
        "cost": position * 100,
        "realized": 3,
    }


def trade(maker: dict[str, Any], taker: dict[str, Any], aggressor: str = "buy") -> dict[str, Any]:
    return {
        "type": "trade_executed",
        "trade": 1,
        "symbol": "SPY",
        "price": 100 * 10**9,
        "quantity": 2 * 10**9,
        "aggressor": aggressor,
        "maker": maker,
        "taker": taker,
    }


def test_a_trade_moves_cash_from_the_buyer_and_fees_from_both() -> None:
    changes = fold([record(1, 0, trade(side(A, 500, -2, fee=7), side(B, 900, 2, fee=-2, order=NIL)))])
    notional = 200 * 10**9
    assert [(t.account_id, t.kind, t.amount, t.cash, t.order_id, t.entry) for t in changes.transactions] == [
        (A, "trade", notional, 507, A, 0),
        (A, "fee", -7, 500, A, 1),
        (B, "trade", -notional, 898, None, 2),
        (B, "fee", 2, 900, None, 3),
    ]
    assert sum(t.amount for t in changes.transactions) + sum(changes.fees.values()) == 0
    assert {a: c.cash for a, c in changes.accounts.items()} == {A: 500, B: 900}


def test_the_world_is_the_counterparty_of_transfers() -> None:
    moved = {"type": "cash_moved", "account": A, "transfer": B, "kind": "deposit", "amount": 10, "cash": 10}
    changes = fold(
        [record(1, 0, moved, {**moved, "kind": "withdrawal", "amount": -4, "cash": 6, "transfer": NIL})]
    )
    assert changes.world[A] + sum(t.amount for t in changes.transactions) == 0
    assert [t.transfer_id for t in changes.transactions] == [B, None]
    assert changes.accounts[A].cash == 6


def test_positions_are_cut_at_minutes_and_nowhere_else() -> None:
    events = [trade(side(A, 0, n), side(B, 0, -n)) for n in (1, 2, 3)]
    records = [
        record(1, 10, events[0]),
        record(2, MINUTE_NS - 1, events[1]),
        record(3, MINUTE_NS, events[2]),
    ]
    whole = fold(records).positions
    assert list(whole) == [0, 1]
    first = whole[0][A, "SPY"]
    assert (first.quantity, first.realized, first.opened_at, first.updated_at, first.sequence) == (
        2,
        6,
        10,
        MINUTE_NS - 1,
        2,
    )
    assert (whole[1][A, "SPY"].quantity, whole[1][A, "SPY"].realized) == (3, 3)
