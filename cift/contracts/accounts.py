"""An account's money and positions as HTTP speaks of them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.amounts import Nanos

TransactionKind = Literal["deposit", "withdrawal", "reset", "dividend", "cash_in_lieu", "trade", "fee"]


class CashAmount(BaseModel):
    """An amount of the account's currency to deposit or withdraw."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": "2500.00"}]})

    amount: Nanos


class AccountReset(BaseModel):
    """Begin again: all orders canceled, no positions, this much cash."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"cash": "100000"}]})

    cash: Annotated[Nanos, Field(description="Cash afterwards; 100000 where it is not given.")] = (
        100_000 * 10**9
    )


class TransactionView(BaseModel):
    """A movement of cash."""

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: TransactionKind
    amount: str = Field(description="Signed: what the account received.")
    cash: str = Field(description="The balance after it.")
    symbol: str | None
    order_id: str | None
    trade_id: int | None
    transfer_id: str | None
    created_at: str
    sequence: int


class PositionView(BaseModel):
    """What is held of one symbol; short positions are negative."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    side: Literal["long", "short", "flat"]
    quantity: str
    cost: str = Field(description="Signed like the quantity, fees apart.")
    average_price: str | None
    mark: str | None = Field(description="Last price, own or outside.")
    market_value: str
    unrealized_pnl: str
    unrealized_pnl_percent: str | None
    realized_pnl: str = Field(description="Of all trades in the symbol so far, fees apart.")
    opened_at: str
    updated_at: str
    sequence: int


class PositionsView(BaseModel):
    """All open positions (an account holds at most 256)."""

    model_config = ConfigDict(extra="forbid")

    items: list[PositionView]
    next_cursor: str | None = None


class PortfolioView(BaseModel):
    """The account as a whole, valued at the marks of one moment of the engine."""

    model_config = ConfigDict(extra="forbid")

    account_id: str
    kind: Literal["cash", "margin"]
    state: Literal["active", "reduce_only", "suspended", "closed"]
    currency: str
    cash: str
    reserved: str = Field(description="Held by open orders.")
    market_value: str = Field(description="Sum of quantity x mark, shorts negative.")
    gross_exposure: str = Field(description="Sum of |quantity| x mark.")
    equity: str = Field(description="cash + market_value.")
    buying_power: str
    withdrawable: str
    unrealized_pnl: str
    realized_pnl: str
    day_pnl: str | None = Field(description="Equity now less equity when the session began, transfers apart.")
    fees_paid: str
    open_orders: int
    positions: list[PositionView]
    sequence: int = Field(description="The journal record that changed the account last.")


class BuyingPowerView(BaseModel):
    """What the account can still do, from the engine itself."""

    model_config = ConfigDict(extra="forbid")

    currency: str
    cash: str
    reserved: str
    equity: str
    buying_power: str
    withdrawable: str
    open_orders: int
