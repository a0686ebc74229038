"""Requests and responses of administrators: halts, names of instruments, limits of accounts, dead letters."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.amounts import Nanos
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


class AccountLimits(BaseModel):
    """All limits of an account; one that is absent is the default of the account's kind, or no limit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"max_order_notional": "50000", "leverage_percent": 150}]},
    )

    max_order_quantity: Nanos | None = None
    max_order_notional: Nanos | None = None
    max_position: Nanos | None = None
    max_open_orders: Annotated[int, Field(ge=1, le=MAX_OPEN_ORDERS_PER_ACCOUNT)] = DEFAULT_MAX_OPEN_ORDERS
    max_orders_per_second: Annotated[int, Field(ge=1, le=MAX_ORDERS_PER_SECOND)] = (
        DEFAULT_MAX_ORDERS_PER_SECOND
    )
    max_daily_loss: Nanos | None = None
    leverage_percent: Annotated[int | None, Field(ge=CASH_LEVERAGE_PERCENT, le=MAX_LEVERAGE_PERCENT)] = None


class AccountEdit(BaseModel):
    """A new state of an account, new limits, or both."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "suspended"}]})

    state: AccountState | None = None
    limits: AccountLimits | None = None


class LimitsView(BaseModel):
    """The limits in force; null: no limit."""

    max_order_quantity: str | None
    max_order_notional: str | None
    max_position: str | None
    max_open_orders: int
    max_orders_per_second: int
    max_daily_loss: str | None
    leverage_percent: int


class AdminAccount(BaseModel):
    """An account's state in the engine."""

    account_id: str
    kind: AccountKind
    state: AccountState
    currency: str
    cash: str
    equity: str
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
    published_at: str
    put_aside_at: str
    data_bytes: int


class Replayed(BaseModel):
    """A dead letter that its handler has now accepted: it is no longer listed."""

    id: int
    function: str
