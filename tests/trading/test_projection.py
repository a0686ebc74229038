"""The fold of records into orders and fills does not depend on batches, and looks nothing up."""

from typing import Any

from cift.platform.journal import JournalRecord
from cift.trading.projection import NIL, fold
from cift.trading.rows import Order, OrderUpdate

ACCOUNT, OTHER = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"


def record(sequence: int, *entries: tuple[dict[str, Any], list[dict[str, Any]]]) -> JournalRecord:
    found = JournalRecord(sequence, b"")
    found.__dict__["record"] = {
        "timestamp": sequence * 1000,
        "first_command": sequence * 10,
        "entries": [{"command": c, "outcome": {}, "events": events} for c, events in entries],
    }
    return found


def order_id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012x}"


def place(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "type": "place_order",
        "account": ACCOUNT,
        "order": order_id(number),
        "symbol": "SPY",
        "side": "buy",
        "kind": "limit",
        "time_in_force": "day",
        "quantity": 10,
        "limit_price": 5,
        "stop_price": None,
        "trail": None,
        "display_quantity": None,
        "post_only": False,
        "reduce_only": False,
        "self_trade_prevention": "cancel_newest",
        "class": "simple",
        "client_order_id": f"c{number}",
        **changed,
    }


def accepted(command: dict[str, Any], **changed: Any) -> dict[str, Any]:
    terms = {name: value for name, value in command.items() if name not in ("class", "client_order_id")}
    return {**terms, "type": "order_accepted", "parent": None, "status": "new", **changed}


def side(order: str, filled: int, leaves: int) -> dict[str, Any]:
    return {
        "order": order,
        "account": ACCOUNT,
        "fee": 1,
        "filled": filled,
        "leaves": leaves,
        "filled_notional": filled * 5,
        "cash": 0,
        "position": filled,
        "cost": 0,
        "realized": 0,
    }


def trade(number: int, maker: dict[str, Any], taker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "trade_executed",
        "trade": number,
        "symbol": "SPY",
        "price": 5,
        "quantity": 4,
        "aggressor": "sell",
        "maker": maker,
        "taker": taker,
    }


def test_an_order_accepted_in_the_batch_is_one_row_in_its_last_state() -> None:
    one = place(1)
    changes = fold(
        [
            record(1, (one, [accepted(one)])),
            record(2, ({"type": "outside_quote"}, [trade(1, side(order_id(1), 4, 6), side(NIL, 4, 0))])),
            record(
                3,
                (
                    {"type": "cancel_order"},
                    [
                        {
                            "type": "order_closed",
                            "order": order_id(1),
                            "status": "canceled",
                            "reason": "by_user",
                        }
                    ],
                ),
            ),
        ]
    )
    assert changes.changed == {}
    row = changes.new[order_id(1)]
    assert (row.status, row.reason, row.filled_quantity, row.filled_notional) == (
        "canceled",
        "by_user",
        4,
        20,
    )
    assert (row.created_at, row.updated_at, row.created_sequence, row.sequence) == (1000, 3000, 10, 30)
    (fill,) = changes.fills  # the house account has no orders
    assert (fill.side, fill.liquidity, fill.sequence, fill.entry) == ("buy", "maker", 20, 1)


def test_the_result_does_not_depend_on_how_records_are_cut_into_batches() -> None:
    one = place(1)
    records = [
        record(1, (one, [accepted(one)])),
        record(2, ({"type": "x"}, [trade(1, side(order_id(1), 4, 6), side(NIL, 4, 0))])),
        record(3, ({"type": "x"}, [trade(2, side(order_id(1), 10, 0), side(NIL, 6, 0))])),
    ]
    whole = fold(records).new[order_id(1)]
    first, second = fold(records[:1]), fold(records[1:])
    row: Order = first.new[order_id(1)]
    change: OrderUpdate = second.changed[order_id(1)]
    assert second.new == {}
    for name in (
        "status",
        "reason",
        "quantity",
        "filled_quantity",
        "filled_notional",
        "updated_at",
        "sequence",
    ):
        value = getattr(change, name)
        if value is not None:
            setattr(row, name, value)
    assert row == whole


def test_refused_orders_are_kept_unless_their_id_cannot_be_trusted() -> None:
    entries = [
        (place(n, order=order_id(n)), [{"type": "refused", "reason": reason}])
        for n, reason in enumerate(
            [
                "price_not_on_tick",
                "idempotency_conflict",
                "duplicate_order_id",
                "unknown_account",
                "market_closed",
            ]
        )
    ]
    changes = fold([record(1, *entries)])
    assert [(o.id, o.status, o.reason) for o in changes.new.values()] == [
        (order_id(0), "rejected", "price_not_on_tick"),
        (order_id(4), "rejected", "market_closed"),
    ]
    assert (
        fold([record(1, ({"type": "cancel_order"}, [{"type": "refused", "reason": "order_not_open"}]))]).new
        == {}
    )


def test_legs_have_the_parent_and_the_class_of_their_entry() -> None:
    legs = {
        "take_profit": {"order": order_id(2), "limit_price": 9},
        "stop_loss": {"order": order_id(3), "stop_price": 2, "limit_price": None},
    }
    entry = place(1, **{"class": {"bracket": legs}})
    leg = accepted(place(2), parent=order_id(1), status="held")
    changes = fold([record(1, (entry, [accepted(entry), leg, {**leg, "order": order_id(3)}]))])
    assert changes.new[order_id(1)].legs == [order_id(2), order_id(3)]
    assert changes.new[order_id(1)].client_order_id == "c1"
    for number in (2, 3):
        row = changes.new[order_id(number)]
        assert (row.parent_id, row.order_class, row.client_order_id, row.legs) == (
            order_id(1),
            "bracket",
            None,
            [],
        )


def test_nul_in_a_text_is_replaced() -> None:
    command = place(1, client_order_id="a\x00b")
    changes = fold([record(1, (command, [accepted(command)]))])
    assert changes.new[order_id(1)].client_order_id == "a\ufffdb"


def test_replacements_keep_the_terms_before_them() -> None:
    def replaced(quantity: int, limit: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        event = {"type": "order_replaced", "order": order_id(1), "account": "a", "quantity": quantity}
        return {"type": "replace_order"}, [{**event, "limit_price": limit, "stop_price": None, "trail": None}]

    one = place(1)
    records = [
        record(1, (one, [accepted(one)])),
        record(2, replaced(8, 6)),
        record(3, replaced(7, 4)),
    ]
    first, second = fold(records).replacements
    row = fold(records[:1]).new[order_id(1)]
    assert (first.quantity, first.limit_price, first.sequence) == (row.quantity, row.limit_price, 20)
    assert (second.quantity, second.limit_price) == (8, 6)
    # What a batch does not hold is None: the table has it.
    unknown, known = fold(records[1:]).replacements
    assert (unknown.quantity, unknown.limit_price, unknown.id) == (None, None, first.id)
    assert known == second or (known.filled_quantity is None and known.id == second.id)
