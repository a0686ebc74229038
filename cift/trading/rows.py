"""The rows of `orders`, `order_fills` and `order_replacements`: the one definition of an order's fields.

The statements that write the tables, the columns that read them and the HTTP views are derived from these
dataclasses (`cift.platform.columns`). Numbers are nanos, times ns since the Unix epoch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

from cift.contracts.names_gen import OrderKind, OrderStatus, SelfTradePrevention, Side
from cift.contracts.orders import Liquidity, OrderClass, TimeInForce
from cift.kernel.ids import uuid5
from cift.platform.columns import TEXT, BigInt, Bool, Integer, Money, Nanos, Text, Time, Uuid, Uuids

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages


@dataclass(slots=True)
class OrderTerms:
    """The columns of `orders` that are copied from the event `order_accepted`."""

    id: Uuid
    account_id: Uuid
    symbol: Text
    side: Annotated[Side, TEXT]
    type: Annotated[OrderKind, TEXT]
    quantity: Nanos
    limit_price: Nanos | None
    stop_price: Nanos | None
    display_quantity: Nanos | None
    post_only: Bool
    reduce_only: Bool
    self_trade_prevention: Annotated[SelfTradePrevention, TEXT]
    parent_id: Uuid | None
    status: Annotated[OrderStatus, TEXT]


@dataclass(slots=True)
class Order(OrderTerms):
    """A row of `orders`."""

    client_order_id: Text | None = None
    time_in_force: Annotated[TimeInForce, TEXT] = "day"
    expire_at: Time | None = None
    trail_amount: Nanos | None = None
    trail_ppm: BigInt | None = None
    order_class: Annotated[OrderClass, TEXT] = "simple"
    legs: Uuids = field(default_factory=list)
    created_at: Time = 0
    updated_at: Time = 0
    created_sequence: BigInt = 0
    sequence: BigInt = 0
    reason: Text | None = None
    filled_quantity: Nanos = 0
    filled_notional: Money = 0


@dataclass(slots=True)
class OrderUpdate:
    """What changed of an order that an earlier batch wrote; None: unchanged."""

    id: Uuid
    updated_at: Time = 0
    sequence: BigInt = 0
    status: Annotated[OrderStatus, TEXT] | None = None
    reason: Text | None = None
    quantity: Nanos | None = None
    filled_quantity: Nanos | None = None
    filled_notional: Money | None = None
    limit_price: Nanos | None = None
    stop_price: Nanos | None = None
    trail_amount: Nanos | None = None
    trail_ppm: BigInt | None = None


@dataclass(slots=True)
class Fill:
    """A row of `order_fills`: one side of a trade. `realized`: profit of this fill without fees."""

    sequence: BigInt
    entry: Integer
    order_id: Uuid
    account_id: Uuid
    trade_id: BigInt
    symbol: Text
    side: Annotated[Side, TEXT]
    liquidity: Annotated[Liquidity, TEXT]
    price: Nanos
    quantity: Nanos
    fee: Money
    realized: Money
    position_after: Nanos
    executed_at: Time


@dataclass(slots=True)
class Replacement:
    """A row of `order_replacements`: an order as it was before a replacement.

    None in an amount or a price: what the table `orders` has before the batch.
    """

    id: Uuid
    order_id: Uuid
    account_id: Uuid
    sequence: BigInt
    replaced_at: Time
    quantity: Nanos | None
    filled_quantity: Nanos | None
    filled_notional: Money | None
    limit_price: Nanos | None
    stop_price: Nanos | None
    trail_amount: Nanos | None
    trail_ppm: BigInt | None


def replacement_id(order: str, sequence: int) -> str:
    """The id of the order after the replacement by the command `sequence`."""
    return uuid5(order, f"replacement:{sequence}")


@dataclass(slots=True)
class OrderChanges:
    """What a batch of records changes in `orders`, `order_fills` and `order_replacements`."""

    new: dict[str, Order] = field(default_factory=dict)
    changed: dict[str, OrderUpdate] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)

    def at(self, order: str, timestamp: int, sequence: int) -> Order | OrderUpdate:
        """The row or update of an order, with the time and the sequence of its last command."""
        row: Order | OrderUpdate | None = self.new.get(order)
        if row is None:
            row = self.changed.get(order)
            if row is None:
                row = self.changed[order] = OrderUpdate(order)
        row.updated_at, row.sequence = timestamp, sequence
        return row


_EVENT_KEYS = {"id": "order", "account_id": "account", "type": "kind", "parent_id": "parent"}
"""The keys of commands and events for columns with another name."""
TERM_KEYS = tuple(_EVENT_KEYS.get(name, name) for name in OrderTerms.__annotations__)
_terms_of = itemgetter(*TERM_KEYS)


def accepted(command: "messages.JournalCommand", terms: Mapping[str, Any], at: int, sequence: int) -> Order:
    """The row of an order that `command` made; `terms`: the event `order_accepted`.

    A refused order has no such event: its terms are those of the command, with `parent` and `status`.
    """
    order = Order(*_terms_of(terms))
    order.created_at = order.updated_at = at
    order.created_sequence = order.sequence = sequence
    if type(terms["time_in_force"]) is tuple:
        order.time_in_force, order.expire_at = terms["time_in_force"]
    else:
        order.time_in_force = terms["time_in_force"]
    if terms["trail"] is not None:
        order.trail_amount, order.trail_ppm = split_trail(terms["trail"])
    if command["type"] == "place_order":
        order.order_class, legs = split_class(command.get("class", "simple"))
        if order.id == command["order"]:  # otherwise it is a leg itself
            order.legs = legs
            client_order_id = command.get("client_order_id")
            if client_order_id:
                # PostgreSQL's text cannot hold NUL; the wire can.
                order.client_order_id = client_order_id.replace("\x00", "\ufffd")
    return order


def split_trail(trail: "messages.Trail | None") -> tuple[int | None, int | None]:
    """The amount or the parts per million."""
    if trail is None:
        return None, None
    return (trail[1], None) if trail[0] == "amount" else (None, trail[1])


def split_class(value: "messages.OrderClass") -> tuple[OrderClass, list[str]]:
    """The name of the class, and the ids of its legs: take-profit first."""
    if value == "simple":
        return "simple", []
    if "oco" in value:
        return "oco", [value["oco"]["order"]]
    name: OrderClass = "bracket" if "bracket" in value else "oto"
    legs = value["bracket"] if "bracket" in value else value["oto"]
    profit, loss = legs.get("take_profit"), legs.get("stop_loss")
    return name, [leg["order"] for leg in (profit, loss) if leg is not None]
