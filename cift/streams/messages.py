"""The messages of the streams, both ways. `make generate` writes functions/asyncapi.gen.json from them.

Messages to clients are plain dicts at run time, because each is serialized once for many clients. mypy checks
that views.py, book.py and session.py build them with these keys. Limits of client messages are in rules.py.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema
from typing_extensions import TypedDict

from cift.contracts.amounts import Amount, Time
from cift.contracts.names_gen import OrderStatus, Side
from cift.contracts.orders import Liquidity, OrderView, Symbol
from cift.streams import rules


class _SchemaOf:
    """Gives a dict the schema of a model."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self.model)


_ID = r"^\d{1,19}:\d{1,9}$"
Id = Annotated[
    str,
    Field(
        pattern=_ID, description="Command of the journal, index: the place in the stream.", examples=["812:3"]
    ),
]
StateId = Annotated[
    str | None,
    Field(description="The place in the stream; null: this is the current state, which is not part of it."),
]
Integer = Annotated[
    int,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^-?\d+$"}],
            "format": "int64",
            "description": "In JSON a string beyond 2^53.",
        }
    ),
]
Level = Annotated[
    list[Any],
    WithJsonSchema(
        {
            "type": "array",
            "items": [
                {"type": "string", "format": "decimal", "title": "price"},
                {"type": "string", "format": "decimal", "title": "quantity"},
                {"type": "integer", "title": "orders"},
            ],
            "minItems": 3,
            "maxItems": 3,
            "description": "Price, total quantity (0: the level is removed), number of orders.",
        }
    ),
]
ReplyTo = Annotated[str | int, Field(description="The id of the client message that this responds to.")]
RequestId = Annotated[
    Annotated[str, Field(max_length=rules.REPLY_TO_CHARACTERS_MAX)] | int,
    Field(description="Of your choice; the response repeats it as `reply_to`."),
]
Channel = Literal["quotes", "trades", "bars", "book", "orders", "fills"]
Channels = Annotated[
    list[Channel],
    Field(min_length=1, description="Default: quotes and trades."),
]
Symbols = Annotated[
    list[Symbol],
    Field(max_length=rules.SYMBOLS_PER_MESSAGE_MAX, description="Of market channels; required for them."),
]
Subscriptions = Annotated[
    dict[str, list[str]],
    Field(description="The symbols of each channel; an account channel (orders, fills) has none."),
]


class QuoteUpdate(TypedDict):
    """Best bid and ask, and the last price, after one of them changed; null where there is none."""

    type: Literal["quote"]
    id: StateId
    symbol: str
    bid: Amount | None
    bid_quantity: Amount | None
    ask: Amount | None
    ask_quantity: Amount | None
    last: Amount | None
    last_quantity: Amount | None
    last_at: Time | None
    halted: bool
    sequence: int
    at: Time | None


class TradeUpdate(TypedDict):
    """A trade on this exchange, or a print of the outside market."""

    type: Literal["trade"]
    id: Id
    symbol: str
    source: Literal["exchange", "outside"]
    price: Amount
    quantity: Amount
    aggressor: Annotated[Side | None, Field(description="Side of the taker; null for outside prints.")]
    trade_id: Integer | None
    at: Time


class BarUpdate(TypedDict):
    """One minute of trades on this exchange and of outside prints."""

    type: Literal["bar"]
    id: Id
    symbol: str
    interval: Literal["1m"]
    start: Time
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    vwap: Amount
    trades: int


class BookUpdate(TypedDict):
    """A snapshot of the book, or a change of it. docs/book-protocol.md describes how to keep a book."""

    type: Literal["book"]
    id: StateId
    symbol: str
    snapshot: bool
    sequence: Annotated[int, Field(description="The journal record after which the book has this state.")]
    previous: NotRequired[
        Annotated[int, Field(description="`sequence` of the message before; absent in a snapshot.")]
    ]
    bids: list[Level]
    asks: list[Level]
    checksum: Annotated[int | None, Field(description="CRC-32 of the best ten levels of each side.")]
    at: Time


class OrderUpdate(TypedDict):
    """An order of your account after a change."""

    type: Literal["order"]
    id: Id
    change: Literal["accepted", "activated", "adjusted", "replaced", "closed", "filled", "refused"]
    order_id: str
    status: OrderStatus
    order: Annotated[dict[str, Any], _SchemaOf(OrderView)]
    at: Time


class FillUpdate(TypedDict):
    """Your side of a trade, and the filled and remaining quantity of the order after it."""

    type: Literal["fill"]
    id: Id
    order_id: str
    client_order_id: str | None
    trade_id: Integer
    symbol: str
    side: Side
    liquidity: Liquidity
    price: Amount
    quantity: Amount
    notional: Amount
    fee: Amount
    realized_pnl: Amount
    position_after: Amount
    filled_quantity: Amount
    remaining_quantity: Amount
    executed_at: Time
    sequence: int
    at: Time


class Gap(TypedDict):
    """Messages after `since` are missing: they are no longer stored, or the exchange never had this id."""

    type: Literal["gap"]
    id: None
    since: Id


class Welcome(TypedDict):
    """The first message of a connection."""

    type: Literal["welcome"]
    channels: list[str]
    at: Time


class Authenticated(TypedDict):
    """The connection is logged in."""

    type: Literal["authenticated"]
    account_id: str
    scopes: list[str]
    reply_to: NotRequired[ReplyTo]


class Subscribed(TypedDict):
    """All subscriptions of the connection. Messages that were missed come before it."""

    type: Literal["subscribed"]
    subscriptions: Subscriptions
    unknown_symbols: Annotated[list[str], Field(description="Requested symbols that are not traded here.")]
    last: Annotated[
        Id, Field(description="The new subscriptions have everything after it: the first value of `since`.")
    ]
    reply_to: NotRequired[ReplyTo]


class Pong(TypedDict):
    """The response to a ping."""

    type: Literal["pong"]
    at: Time
    reply_to: NotRequired[ReplyTo]


class Heartbeat(TypedDict):
    """Sent every 15 seconds."""

    type: Literal["heartbeat"]
    at: Time


class UnknownSymbols(TypedDict):
    """Requested symbols that are not traded here: the first event of an event stream that has some."""

    type: Literal["unknown_symbols"]
    symbols: list[str]


class Error(TypedDict):
    """A request was refused, or the connection ends: then the close reason is `code`."""

    type: Literal["error"]
    code: Annotated[str, Field(description="For programs; stable.")]
    message: Annotated[str, Field(description="For people.")]
    field: NotRequired[Annotated[str, Field(description="The field of the message that is wrong.")]]
    request_id: NotRequired[str]
    reply_to: NotRequired[ReplyTo]


class AuthRequest(TypedDict):
    """Log in, with either a token or a key. Headers of the handshake do the same."""

    action: Literal["auth"]
    id: NotRequired[RequestId]
    token: NotRequired[Annotated[str, Field(description="An access token; a new one replaces the old one.")]]
    api_key: NotRequired[str]


class SubscribeRequest(TypedDict):
    """Add subscriptions: either `channels` and `symbols`, or `subscriptions`."""

    action: Literal["subscribe"]
    id: NotRequired[RequestId]
    channels: NotRequired[Channels]
    symbols: NotRequired[Symbols]
    subscriptions: NotRequired[Subscriptions]
    since: NotRequired[
        Annotated[
            str,
            Field(
                pattern=_ID, description="First send the messages after the one with this id, which I missed."
            ),
        ]
    ]


class UnsubscribeRequest(TypedDict):
    """End subscriptions."""

    action: Literal["unsubscribe"]
    id: NotRequired[RequestId]
    channels: NotRequired[Channels]
    symbols: NotRequired[Symbols]
    subscriptions: NotRequired[Subscriptions]


class PingRequest(TypedDict):
    """Request a `pong`."""

    action: Literal["ping"]
    id: NotRequired[RequestId]


MARKET_UPDATES = {"quotes": QuoteUpdate, "trades": TradeUpdate, "bars": BarUpdate, "book": BookUpdate}
ACCOUNT_UPDATES = {"orders": OrderUpdate, "fills": FillUpdate}
UPDATES = {**MARKET_UPDATES, **ACCOUNT_UPDATES}
"""The message of each channel."""
REQUESTS = {
    "auth": AuthRequest,
    "subscribe": SubscribeRequest,
    "unsubscribe": UnsubscribeRequest,
    "ping": PingRequest,
}
"""The client message of each action."""
RESPONSES = {"auth": Authenticated, "subscribe": Subscribed, "unsubscribe": Subscribed, "ping": Pong}
"""What responds to each action, if it is not an error."""
Response = Welcome | Authenticated | Subscribed | Pong
