"""The bodies that Alpaca's clients send. Unknown fields are ignored, as Alpaca does.

Clients send amounts as floats, so 0.1 + 0.2 arrives as 0.30000000000000004. A number with more than nine
decimals is rounded to nine; the exchange then applies its own rules of ticks and lots.
"""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, WithJsonSchema
from pydantic_core import PydanticCustomError

from cift.contracts.amounts import FLOAT_AMOUNT
from cift.kernel.money import MAX_WHOLE_DIGITS

_NANO = Decimal("0.000000001")
CLIENT_ORDER_ID_MAX = 128


def _amount(value: object) -> int:
    if isinstance(value, float):
        raise PydanticCustomError(FLOAT_AMOUNT, "must be a number")  # parsed again, with its exact text
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise ValueError
        number = Decimal(value)
        if not number.is_finite() or number.adjusted() >= MAX_WHOLE_DIGITS:
            raise ValueError
        return int(number.quantize(_NANO, rounding=ROUND_HALF_EVEN).scaleb(9))
    except (InvalidOperation, ValueError):
        raise PydanticCustomError("invalid_number", "must be a number such as 449.31") from None


Amount = Annotated[
    int,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["449.31"]}),
]
"""Nanos (1e-9), from a decimal string or a JSON number."""


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore")


class TakeProfit(_Request):
    """The exit that takes the profit."""

    limit_price: Amount


class StopLoss(_Request):
    """The exit that limits the loss."""

    stop_price: Amount
    limit_price: Amount | None = None


class OrderRequest(_Request):
    """An order in Alpaca's form: `qty` or `notional`."""

    symbol: Annotated[str, Field(min_length=1, max_length=64)]
    qty: Amount | None = None
    notional: Amount | None = None
    side: Annotated[Literal["buy", "sell"], BeforeValidator(_lower)]
    type: Annotated[
        Literal["market", "limit", "stop", "stop_limit", "trailing_stop"], BeforeValidator(_lower)
    ]
    time_in_force: Annotated[Literal["day", "gtc", "opg", "cls", "ioc", "fok"], BeforeValidator(_lower)]
    limit_price: Amount | None = None
    stop_price: Amount | None = None
    trail_price: Amount | None = None
    trail_percent: Amount | None = None
    extended_hours: StrictBool | None = None
    client_order_id: Annotated[str | None, Field(max_length=CLIENT_ORDER_ID_MAX)] = None
    order_class: Annotated[str | None, BeforeValidator(_lower)] = None
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None
    advanced_instructions: dict[str, Any] | None = None


class OrderPatch(_Request):
    """Changes of an open order in Alpaca's form."""

    qty: Amount | None = None
    time_in_force: Annotated[
        Literal["day", "gtc", "opg", "cls", "ioc", "fok"] | None, BeforeValidator(_lower)
    ] = None
    limit_price: Amount | None = None
    stop_price: Amount | None = None
    trail: Amount | None = None
    client_order_id: Annotated[str | None, Field(max_length=CLIENT_ORDER_ID_MAX)] = None


class ConfigurationPatch(_Request):
    """Settings of the account; those that are absent or null stay unchanged."""

    dtbp_check: str | None = None
    pdt_check: str | None = None
    fractional_trading: StrictBool | None = None
    max_margin_multiplier: str | None = None
    no_shorting: StrictBool | None = None
    suspend_trade: StrictBool | None = None
    trade_confirm_email: Literal["all", "none"] | None = None
    ptp_no_exception_entry: StrictBool | None = None
    max_options_trading_level: StrictInt | None = None
    disable_overnight_trading: StrictBool | None = None
    wash_trade_guard: StrictBool | None = None


class WatchlistRequest(_Request):
    """A watchlist to create or to write."""

    name: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    symbols: Annotated[list[str] | None, Field(max_length=500)] = None


class WatchlistSymbol(_Request):
    """A symbol to add to a watchlist."""

    symbol: Annotated[str, Field(min_length=1, max_length=64)]
