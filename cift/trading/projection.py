"""Records of the journal folded into changes of orders and fills. Pure: no SQL, no clock.

Events say all that is needed, so nothing is looked up: an order accepted in the batch becomes one row in
its last state; one accepted before becomes one change, whose absent fields stay as they are. The result
does not depend on how records are cut into batches.

Refused orders are kept with what was sent. Not kept: those whose id or account cannot be trusted
(`NOT_KEPT`), and the second sending of a request, which made no order.
"""

from dataclasses import dataclass, field
from typing import Any

from cift.platform.journal import JournalRecord

NIL = "00000000-0000-0000-0000-000000000000"
"""The order of a house: it has quotes, no orders."""
NOT_KEPT = frozenset({"idempotency_conflict", "duplicate_order_id", "unknown_account"})
_OPPOSITE = {"buy": "sell", "sell": "buy"}


@dataclass(slots=True)
class Order:
    """A new row. Numbers in nanos, times in ns."""

    id: str
    account: str
    client_order_id: str | None
    symbol: str
    side: str
    kind: str
    time_in_force: str
    expire_at: int | None
    quantity: int
    limit_price: int | None
    stop_price: int | None
    trail_amount: int | None
    trail_ppm: int | None
    display_quantity: int | None
    post_only: bool
    reduce_only: bool
    self_trade_prevention: str
    order_class: str
    parent: str | None
    legs: list[str]
    status: str
    reason: str | None
    created_at: int
    updated_at: int
    created_sequence: int
    sequence: int
    filled: int = 0
    filled_notional: int = 0


@dataclass(slots=True)
class Change:
    """What became of an order that an earlier batch made; None stays as it is."""

    id: str
    updated_at: int = 0
    sequence: int = 0
    status: str | None = None
    reason: str | None = None
    quantity: int | None = None
    filled: int | None = None
    filled_notional: int | None = None
    limit_price: int | None = None
    stop_price: int | None = None
    trail_amount: int | None = None
    trail_ppm: int | None = None


@dataclass(slots=True)
class Fill:
    """One side of a trade."""

    sequence: int
    entry: int
    order: str
    account: str
    trade: int
    symbol: str
    side: str
    liquidity: str
    price: int
    quantity: int
    fee: int
    realized: int
    position: int
    at: int


@dataclass(slots=True)
class OrderChanges:
    """What a batch does to orders and order_fills."""

    new: dict[str, Order] = field(default_factory=dict)
    changed: dict[str, Change] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)

    def at(self, order: str, timestamp: int, sequence: int) -> Order | Change:
        """The row or change of an order, stamped."""
        row: Order | Change | None = self.new.get(order)
        if row is None:
            row = self.changed.get(order)
            if row is None:
                row = self.changed[order] = Change(order)
        row.updated_at, row.sequence = timestamp, sequence
        return row


def fold(records: list[JournalRecord]) -> OrderChanges:
    """What these records, in order, do to orders and fills."""
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
    changes: OrderChanges, command: dict[str, Any], events: list[dict[str, Any]], at: int, sequence: int
) -> None:
    new = changes.new
    for index, event in enumerate(events):
        match event["type"]:
            case "level_changed":
                return  # the last events of a command are only these
            case "trade_executed":
                side = event["aggressor"]
                for liquidity, taker in (("maker", 0), ("taker", 1)):
                    told = event[liquidity]
                    if told["order"] == NIL:
                        continue
                    row = changes.at(told["order"], at, sequence)
                    row.status = "partially_filled" if told["leaves"] else "filled"
                    row.filled, row.filled_notional = told["filled"], told["filled_notional"]
                    changes.fills.append(
                        Fill(
                            sequence,
                            index * 2 + taker,
                            told["order"],
                            told["account"],
                            event["trade"],
                            event["symbol"],
                            side if taker else _OPPOSITE[side],
                            liquidity,
                            event["price"],
                            event["quantity"],
                            told["fee"],
                            told["realized"],
                            told["position"],
                            at,
                        )
                    )
            case "order_accepted":
                new[event["order"]] = _accepted(command, event, at, sequence)
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
                row.quantity = event["quantity"]
                if event["limit_price"] is not None:
                    row.limit_price = event["limit_price"]
                if event["stop_price"] is not None:
                    row.stop_price = event["stop_price"]
                if event["trail"] is not None:
                    row.trail_amount, row.trail_ppm = _trail(event["trail"])
            case "refused":
                if command["type"] == "place_order" and event["reason"] not in NOT_KEPT:
                    refused = _accepted(
                        command, {**command, "parent": None, "status": "rejected"}, at, sequence
                    )
                    refused.reason = event["reason"]
                    refused.legs = []
                    new[refused.id] = refused


def _accepted(command: dict[str, Any], told: dict[str, Any], at: int, sequence: int) -> Order:
    time_in_force = told["time_in_force"]
    expire_at = None
    if not isinstance(time_in_force, str):
        time_in_force, expire_at = time_in_force
    amount, ppm = _trail(told["trail"])
    placed = command["type"] == "place_order"
    is_entry = placed and told["order"] == command["order"]
    order_class, legs = _class(command["class"]) if placed else ("simple", [])
    client_order_id = command["client_order_id"] if is_entry else None
    return Order(
        told["order"],
        told["account"],
        # PostgreSQL's text holds no NUL; the wire does.
        client_order_id.replace("\x00", "\ufffd") if client_order_id else None,
        told["symbol"],
        told["side"],
        told["kind"],
        time_in_force,
        expire_at,
        told["quantity"],
        told["limit_price"],
        told["stop_price"],
        amount,
        ppm,
        told["display_quantity"],
        told["post_only"],
        told["reduce_only"],
        told["self_trade_prevention"],
        order_class,
        told["parent"],
        legs if is_entry else [],
        told["status"],
        None,
        at,
        at,
        sequence,
        sequence,
    )


def _trail(trail: Any) -> tuple[int | None, int | None]:
    if trail is None:
        return None, None
    return (trail[1], None) if trail[0] == "amount" else (None, trail[1])


def _class(value: Any) -> tuple[str, list[str]]:
    """Name of the class, and the ids of its legs: take-profit first."""
    if isinstance(value, str):
        return value, []
    ((name, legs),) = value.items()
    if name == "oco":
        return name, [legs["order"]]
    return name, [legs[leg]["order"] for leg in ("take_profit", "stop_loss") if legs.get(leg) is not None]
