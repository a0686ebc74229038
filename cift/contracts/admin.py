"""What an operator of the exchange says and is told: halts, names of instruments, what an account may do."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.amounts import Nanos
from cift.contracts.market import Line

AccountState = Literal["active", "reduce_only", "suspended", "closed"]
OPEN_ORDERS_DEFAULT = 500
ORDERS_PER_SECOND_DEFAULT = 500
LEVERAGE_PERCENT_DEFAULT = {"cash": 100, "margin": 200}
"""By kind of account; a cash account never has another. The engine's own (rust_core/RULES.md, section 3)."""


class TradingHalt(BaseModel):
    """Whether a symbol trades."""

    symbol: str
    halted: bool


class InstrumentEdit(BaseModel):
    """What an instrument is called and whose hours it has: what is absent stays, null takes it back."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "SPDR S&P 500 ETF Trust", "calendar": "XNYS"}]},
    )

    name: Line | None = None
    calendar: Annotated[
        str | None,
        Field(
            max_length=8,
            description="Of a real exchange (ISO 10383), or 24/7; the refusal names those known.",
        ),
    ] = None


class InstrumentDetails(BaseModel):
    """What an instrument is called, and whose hours it has."""

    symbol: str
    name: str | None
    calendar: str


class AccountLimits(BaseModel):
    """All limits of an account; one that is not given is the default of its kind, or none at all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"max_order_notional": "50000", "leverage_percent": 150}]},
    )

    max_order_quantity: Nanos | None = None
    max_order_notional: Nanos | None = None
    max_position: Nanos | None = None
    max_open_orders: Annotated[int, Field(ge=1, le=10_000)] = OPEN_ORDERS_DEFAULT
    max_orders_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = ORDERS_PER_SECOND_DEFAULT
    max_daily_loss: Nanos | None = None
    leverage_percent: Annotated[int | None, Field(ge=100, le=1000)] = None


class AccountEdit(BaseModel):
    """What an account shall be: its state, its limits, or both."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "suspended"}]})

    state: AccountState | None = None
    limits: AccountLimits | None = None


class LimitsView(BaseModel):
    """The limits in force; null is none."""

    max_order_quantity: str | None
    max_order_notional: str | None
    max_position: str | None
    max_open_orders: int
    max_orders_per_second: int
    max_daily_loss: str | None
    leverage_percent: int


class AdminAccount(BaseModel):
    """An account as the engine has it."""

    account_id: str
    kind: Literal["cash", "margin"]
    state: AccountState
    currency: str
    cash: str
    equity: str
    open_orders: int
    limits: LimitsView


class DeadLetterView(BaseModel):
    """A message that its handler refused for good, and that waits to be brought again."""

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
    """A dead letter that its handler has taken now: it is gone from the list."""

    id: int
    function: str
