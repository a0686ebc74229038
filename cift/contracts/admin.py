"""Requests and responses of administrators: halts, names of instruments, limits of accounts, dead letters."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from cift.contracts.amounts import Amount, Nanos, Time
from cift.contracts.limits_gen import (
    CASH_LEVERAGE_PERCENT,
    DEFAULT_MARGIN_LEVERAGE_PERCENT,
    DEFAULT_MAX_OPEN_ORDERS,
    DEFAULT_MAX_ORDERS_PER_SECOND,
    MAX_LEVERAGE_PERCENT,
    MAX_OPEN_ORDERS_PER_ACCOUNT,
    MAX_ORDERS_PER_SECOND,
)
from cift.contracts.market import Line
from cift.contracts.names_gen import AccountKind, AccountState
from cift.contracts.orders import Symbol
from cift.kernel.money import NANOS

DEFAULT_LEVERAGE_PERCENT = {"cash": CASH_LEVERAGE_PERCENT, "margin": DEFAULT_MARGIN_LEVERAGE_PERCENT}
"""By kind of account; a cash account has no other. The engine's defaults (rust_core/RULES.md, section 3)."""


class TradingHalt(BaseModel):
    """Whether a symbol trades."""

    symbol: str
    halted: bool


class InstrumentEdit(BaseModel):
    """The name and the calendar of an instrument. An absent field stays unchanged, null removes it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "SPDR S&P 500 ETF Trust", "calendar": "XNYS"}]},
    )

    name: Line | None = None
    calendar: Annotated[
        str | None,
        Field(
            max_length=8,
            description="Of an exchange (ISO 10383), or 24/7; a refusal lists the known ones.",
        ),
    ] = None


class InstrumentDetails(BaseModel):
    """The name and the calendar of an instrument."""

    symbol: str
    name: str | None
    calendar: str


class NewInstrument(BaseModel):
    """The terms of an instrument, which cannot change later; its name and calendar can."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"symbol": "KO", "name": "The Coca-Cola Company", "tick": "0.01", "lot": "1"}]
        },
    )

    symbol: Symbol
    name: Line | None = None
    calendar: Annotated[
        str | None, Field(max_length=8, description="As in InstrumentEdit; default: XNYS, of pairs 24/7.")
    ] = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3,8}$")] = "USD"
    tick: Annotated[Nanos, Field(description="The smallest step of a price.")] = NANOS // 100
    lot: Annotated[
        Nanos, Field(description="The smallest quantity; tick × lot must be a multiple of 0.000000001.")
    ] = NANOS
    band_percent: Annotated[
        Nanos, Field(description="How far limit prices may be from the market, in percent.")
    ] = 10 * NANOS
    collar_percent: Annotated[
        Nanos, Field(description="How far a market order may trade from the market, in percent.")
    ] = 2 * NANOS


class InstrumentTerms(BaseModel):
    """A listed instrument."""

    symbol: str
    name: str | None
    calendar: str
    currency: str
    tick: Amount
    lot: Amount
    band_percent: Amount
    collar_percent: Amount


class SplitRequest(BaseModel):
    """`numerator` new shares replace `denominator` old ones: 2 and 1 double the shares."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"numerator": 2, "denominator": 1}]}
    )

    numerator: Annotated[StrictInt, Field(ge=1, le=1_000)]
    denominator: Annotated[StrictInt, Field(ge=1, le=1_000)]


class DividendRequest(BaseModel):
    """The amount per share, in the instrument's currency."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": "0.46"}]})

    amount: Nanos


class CorporateAction(BaseModel):
    """A split or a dividend that is done in the engine and sent to the history."""

    symbol: str
    kind: Literal["split", "dividend"]
    last_day_before: str = Field(
        description="Prices up to this day are adjusted; in the zone of the instrument's calendar."
    )


class AccountLimits(BaseModel):
    """All limits of an account; one that is absent is the default of the account's kind, or no limit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"max_order_notional": "50000", "leverage_percent": 150}]},
    )

    max_order_quantity: Nanos | None = None
    max_order_notional: Nanos | None = None
    max_position: Nanos | None = None
    max_open_orders: Annotated[StrictInt, Field(ge=1, le=MAX_OPEN_ORDERS_PER_ACCOUNT)] = (
        DEFAULT_MAX_OPEN_ORDERS
    )
    max_orders_per_second: Annotated[StrictInt, Field(ge=1, le=MAX_ORDERS_PER_SECOND)] = (
        DEFAULT_MAX_ORDERS_PER_SECOND
    )
    max_daily_loss: Nanos | None = None
    leverage_percent: Annotated[
        StrictInt | None, Field(ge=CASH_LEVERAGE_PERCENT, le=MAX_LEVERAGE_PERCENT)
    ] = None


class AccountEdit(BaseModel):
    """A new state of an account, new limits, or both."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "suspended"}]})

    state: AccountState | None = None
    limits: AccountLimits | None = None


class LimitsView(BaseModel):
    """The limits in force; null: no limit."""

    max_order_quantity: Amount | None
    max_order_notional: Amount | None
    max_position: Amount | None
    max_open_orders: int
    max_orders_per_second: int
    max_daily_loss: Amount | None
    leverage_percent: int


class AdminAccount(BaseModel):
    """An account's state in the engine."""

    account_id: str
    kind: AccountKind
    state: AccountState
    currency: str
    cash: Amount
    equity: Amount
    open_orders: int
    limits: LimitsView


class DeadLetterView(BaseModel):
    """A message that its handler rejected for good. It can be delivered again."""

    id: int
    function: str
    reason: str
    stream: str
    sequence: int
    subject: str
    published_at: Time
    put_aside_at: Time
    data_bytes: int


class Replayed(BaseModel):
    """A dead letter that its handler has now accepted: it is no longer listed."""

    id: int
    function: str
