"""Every kind of event as a dict. The expected dicts are written by hand.

rust_core/crates/python/tests/every_event.rs checks the bytes and does not compile with an event that is
missing there. Here the number of events shows a missing one.
"""

from pathlib import Path
from typing import Any

from cift_core import wire

RECORD = Path(__file__).resolve().parents[2] / "rust_core/crates/python/vectors/every_event.bin"


def id_of(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"


def side_of_trade(first: int) -> dict[str, Any]:
    return {
        "order": id_of(first),
        "account": id_of(first + 1),
        "fee": first + 2,
        "filled": first + 3,
        "leaves": first + 4,
        "filled_notional": first + 5,
        "cash": -(first + 6),
        "position": -(first + 7),
        "cost": 2**80 + first,
        "realized": -(2**80) - first,
    }


ACCOUNT, ORDER, SYMBOL = id_of(0xA), id_of(0xB), "BRK.B"
EVENTS: list[dict[str, Any]] = [
    {"type": "engine_started", "epoch": 7},
    {"type": "rules_set", "version": 1},
    {"type": "format_enabled", "format": 1},
    {
        "type": "instrument_defined",
        "symbol": SYMBOL,
        "currency": "USD",
        "tick": 1,
        "lot": 2,
        "band_ppm": 3,
        "collar_ppm": 4,
    },
    {"type": "feed_defined", "feed": 1, "house": ACCOUNT, "silence_ns": 2},
    {"type": "fees_set", "maker_ppm": -1, "taker_ppm": 2},
    {"type": "margin_set", "insurance": ACCOUNT, "maintenance_percent": 50, "interval_ns": 9},
    {"type": "margin_called", "account": ACCOUNT, "equity": -1, "requirement": 2},
    {"type": "session_set", "session": 1, "closes_at": 2},
    {"type": "session_closed", "session": 1},
    {"type": "halted", "symbol": SYMBOL},
    {"type": "resumed", "symbol": SYMBOL},
    {"type": "split_applied", "symbol": SYMBOL, "numerator": 3, "denominator": 2},
    {"type": "account_opened", "account": ACCOUNT, "kind": "margin", "role": "house", "currency": "USD"},
    {
        "type": "limits_set",
        "account": ACCOUNT,
        "limits": {
            "max_order_quantity": 1,
            "max_order_notional": 2,
            "max_position": None,
            "max_open_orders": 3,
            "max_orders_per_second": 4,
            "max_daily_loss": 5,
            "leverage_percent": 200,
        },
    },
    {"type": "account_state_set", "account": ACCOUNT, "state": "reduce_only"},
    {
        "type": "cash_moved",
        "account": ACCOUNT,
        "transfer": id_of(0xC),
        "kind": "cash_in_lieu",
        "amount": -1,
        "cash": 2,
    },
    {
        "type": "position_moved",
        "account": ACCOUNT,
        "symbol": SYMBOL,
        "kind": "split",
        "position": -1,
        "cost": -2,
    },
    {"type": "refused", "reason": "price_not_on_tick"},
    {
        "type": "order_accepted",
        "order": ORDER,
        "account": ACCOUNT,
        "symbol": SYMBOL,
        "side": "sell",
        "kind": "trailing_stop",
        "time_in_force": ("gtd", 9),
        "quantity": 1,
        "limit_price": 2,
        "stop_price": 3,
        "trail": ("ppm", 4),
        "display_quantity": 5,
        "post_only": True,
        "reduce_only": True,
        "self_trade_prevention": "cancel_both",
        "parent": id_of(6),
        "status": "pending",
    },
    {"type": "order_activated", "order": ORDER, "account": ACCOUNT, "status": "new", "quantity": 1},
    {"type": "order_adjusted", "order": ORDER, "account": ACCOUNT, "quantity": 1, "stop_price": 2},
    {
        "type": "order_replaced",
        "order": ORDER,
        "account": ACCOUNT,
        "quantity": 1,
        "limit_price": 2,
        "stop_price": None,
        "trail": ("amount", 3),
    },
    {
        "type": "order_closed",
        "order": ORDER,
        "account": ACCOUNT,
        "status": "expired",
        "reason": "time_reached",
    },
    {
        "type": "trade_executed",
        "trade": 1,
        "symbol": SYMBOL,
        "price": 2,
        "quantity": 3,
        "aggressor": "sell",
        "maker": side_of_trade(100),
        "taker": side_of_trade(200),
    },
    {"type": "outside_traded", "feed": 1, "symbol": SYMBOL, "price": 2, "quantity": 3},
    {"type": "feed_withdrawn", "feed": 1},
    {"type": "level_changed", "symbol": SYMBOL, "side": "buy", "price": 1, "quantity": 2, "orders": 3},
]
SUMMARY = {
    "order": id_of(1),
    "status": "canceled",
    "reason": "self_trade",
    "quantity": 2,
    "filled": 3,
    "filled_notional": 4,
}


def test_every_kind_of_event_is_decoded() -> None:
    events = wire.decode_record(RECORD.read_bytes())["entries"][0]["events"]
    assert len(events) == 28
    for event, expected in zip(events, EVENTS, strict=True):
        assert event == expected
        assert next(iter(event)) == "type", "the type is the first key"


def test_the_rest_of_the_record() -> None:
    record = wire.decode_record(RECORD.read_bytes())
    entries = record.pop("entries")
    assert record == {
        "format": 1,
        "rules": 2,
        "epoch": 3,
        "previous_hash": "11" * 32,
        "state_hash": "22" * 32,
        "timestamp": 4,
        "first_command": 5,
    }
    nothing = dict.fromkeys(("trace_id", "span_id", "expires_at", "client_order_id"))
    assert [entry["command"] for entry in entries] == [
        {"type": "engine_started", "epoch": 7} | nothing,
        {"type": "advance_time"} | nothing,
        {"type": "continue"} | nothing,
    ]
    first = {"sequence": 5, "at": 6, "order": SUMMARY, "affected": 7, "refusal": "order_not_open"}
    assert [entry["outcome"] for entry in entries] == [
        {"status": "done", "order": None, "affected": 8},
        {"status": "refused", "reason": "stale_epoch"},
        {"status": "repeated", "first": first},
    ]
    assert entries[1]["events"] == entries[2]["events"] == []
