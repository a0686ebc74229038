"""Orders and fills in HTTP requests and responses. Amounts are decimal strings, times RFC 3339 in UTC."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StrictBool, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from cift.contracts.amounts import Amount, Nanos, Time, TimeNs
from cift.contracts.any_case import AnyCase
from cift.contracts.limits_gen import MAX_CLIENT_ORDER_ID_BYTES, MAX_SYMBOL_BYTES
from cift.contracts.names_gen import OrderKind, OrderStatus, SelfTradePrevention, Side

OrderType = OrderKind
TimeInForce = Literal["day", "gtc", "ioc", "fok", "gtd"]
OrderClass = Literal["simple", "bracket", "oco", "oto"]
Liquidity = Literal["maker", "taker"]

SideInput = Annotated[Side, AnyCase(Side)]
OrderTypeInput = Annotated[OrderType, AnyCase(OrderType)]

CLIENT_KEY_PATTERN = rf"^[A-Za-z0-9_.:-]{{1,{MAX_CLIENT_ORDER_ID_BYTES}}}$"
SYMBOL_PATTERN = rf"^[A-Za-z0-9./-]{{1,{MAX_SYMBOL_BYTES}}}$"
Symbol = Annotated[str, Field(pattern=SYMBOL_PATTERN, examples=["SPY"])]
"""A symbol in upper or lower case; it is converted to upper case."""


class TakeProfit(BaseModel):
    """The leg that sells higher (or buys lower) than the entry: a limit order."""

    model_config = ConfigDict(extra="forbid")

    limit_price: Nanos


class StopLoss(BaseModel):
    """The leg that limits the loss: a stop, or with limit_price a stop-limit order."""

    model_config = ConfigDict(extra="forbid")

    stop_price: Nanos
    limit_price: Nanos | None = None


class NewOrder(BaseModel):
    """An order to place. The table in functions/README.md lists the prices of each type."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"symbol": "SPY", "side": "buy", "type": "limit", "quantity": "10", "limit_price": "449.31"},
                {
                    "symbol": "SPY",
                    "side": "buy",
                    "type": "market",
                    "quantity": "5",
                    "client_order_id": "bot-7",
                },
                {
                    "symbol": "IBM",
                    "side": "buy",
                    "type": "limit",
                    "quantity": "20",
                    "limit_price": "140.00",
                    "time_in_force": "gtc",
                    "order_class": "bracket",
                    "take_profit": {"limit_price": "145.00"},
                    "stop_loss": {"stop_price": "137.50"},
                },
            ],
            "required": ["symbol", "side", "quantity"],
            "anyOf": [{"required": ["type"]}, {"required": ["order_type"]}],
        },
    )

    symbol: Symbol
    side: SideInput
    type: OrderTypeInput = Field(validation_alias=AliasChoices("type", "order_type"))
    order_type: OrderTypeInput | None = Field(None, description="Another name of `type`.")
    quantity: Nanos
    time_in_force: Annotated[TimeInForce, AnyCase(TimeInForce)] = "day"
    limit_price: Nanos | None = None
    stop_price: Nanos | None = None
    trail_amount: Nanos | None = None
    trail_percent: Nanos | None = Field(None, description="Percent of the best price seen; four decimals.")
    display_quantity: Nanos | None = Field(None, description="Iceberg: the part that is visible in the book.")
    post_only: StrictBool = False
    reduce_only: StrictBool = False
    self_trade_prevention: Annotated[SelfTradePrevention, AnyCase(SelfTradePrevention)] = "cancel_newest"
    expire_at: TimeNs | None = Field(None, description="With time_in_force gtd.")
    client_order_id: Annotated[
        str | None,
        Field(
            pattern=CLIENT_KEY_PATTERN,
            description="Your own id, and the idempotency key: the same id with the same body returns the"
            " first result, with another body 409. Same as the Idempotency-Key header.",
        ),
    ] = None
    order_class: Annotated[OrderClass, AnyCase(OrderClass)] = "simple"
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None

    @field_validator("order_type")
    @classmethod
    def _one_type(cls, order_type: OrderType | None, others: ValidationInfo) -> OrderType | None:
        kind = others.data.get("type")
        if order_type is not None and kind is not None and order_type != kind:
            raise PydanticCustomError(
                "two_types",
                "order_type and type are two names of one field: '{order_type}' and '{kind}' differ",
                {"order_type": order_type, "kind": kind},
            )
        return order_type


class OrderChange(BaseModel):
    """Changes of an open order; absent fields stay unchanged. Only a smaller quantity keeps the place in the
    queue."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"limit_price": "449.10"}, {"quantity": "5"}]},
    )

    quantity: Nanos | None = Field(None, description="New total, the filled part included.")
    limit_price: Nanos | None = None
    stop_price: Nanos | None = None
    trail_amount: Nanos | None = None
    trail_percent: Nanos | None = None


class OrderView(BaseModel):
    """The state of an order at `sequence`."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(examples=["0199e3a4-7c1e-7b6a-9d2c-5a0f1c2d3e4f"])
    client_order_id: str | None
    account_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    expire_at: Time | None
    quantity: Amount
    filled_quantity: Amount
    remaining_quantity: Amount
    average_fill_price: Amount | None
    limit_price: Amount | None
    stop_price: Amount | None = Field(description="Of a trailing stop: its current stop price.")
    trail_amount: Amount | None
    trail_percent: Amount | None
    display_quantity: Amount | None
    post_only: bool
    reduce_only: bool
    self_trade_prevention: SelfTradePrevention
    order_class: OrderClass
    parent_id: str | None
    legs: list[str] = Field(description="Ids of its exit legs, which are orders of their own.")
    status: OrderStatus
    reason: str | None = Field(description="Why it ended unfilled, or was refused.")
    created_at: Time
    updated_at: Time
    sequence: int = Field(description="The last command in the journal that changed it.")


class CanceledView(BaseModel):
    """How many orders a cancel-all ended."""

    model_config = ConfigDict(extra="forbid")

    canceled: int


class FillView(BaseModel):
    """Your side of a trade."""

    model_config = ConfigDict(extra="forbid")

    id: str
    order_id: str
    trade_id: int
    symbol: str
    side: Side
    liquidity: Liquidity
    price: Amount
    quantity: Amount
    notional: Amount
    fee: Amount
    realized_pnl: Amount
    position_after: Amount
    executed_at: Time
    sequence: int


class RiskCheckView(BaseModel):
    """Whether the engine would accept this order now, and what it would reserve."""

    model_config = ConfigDict(extra="forbid")

    admitted: bool
    reason: str | None = None
    message: str | None = None
    field: str | None = None
    reserve: Annotated[Amount | None, Field(description="Buying power that it would reserve.")] = None
    reserve_price: Amount | None = None
    reference_price: Amount | None = None
    buying_power: Amount | None = None


class MaxOrderSizeView(BaseModel):
    """The largest quantity that the engine would accept now."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    side: Side
    type: OrderType
    limit_price: Amount | None
    quantity: Amount
