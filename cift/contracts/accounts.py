"""An account's money and positions in HTTP requests and responses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.amounts import Amount, Nanos, Time
from cift.contracts.names_gen import AccountKind, AccountState, CashKind

TransactionKind = CashKind | Literal["trade", "fee"]


class CashAmount(BaseModel):
    """An amount of the account's currency to deposit or withdraw."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": "2500.00"}]})

    amount: Nanos


class AccountReset(BaseModel):
    """Start again: all orders are canceled, all positions are dropped, and the cash is set."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"cash": "100000"}]})

    cash: Annotated[Nanos, Field(description="Cash afterwards; default 100000.")] = 100_000 * 10**9


class TransactionView(BaseModel):
    """A movement of cash."""

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: TransactionKind
    amount: Amount = Field(description="Signed: what the account received.")
    cash: Amount = Field(description="The balance after it.")
    symbol: str | None
    order_id: str | None
    trade_id: int | None
    transfer_id: str | None
    created_at: Time
    sequence: int


class PositionView(BaseModel):
    """A position in one symbol; short positions are negative."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    side: Literal["long", "short", "flat"]
    quantity: Amount
    cost: Amount = Field(description="Signed like the quantity, without fees.")
    average_price: Amount | None
    mark: Amount | None = Field(
        description="Last price, of this exchange or of an outside feed, near the base price of its bands."
    )
    market_value: Amount
    unrealized_pnl: Amount
    unrealized_pnl_percent: Amount | None
    realized_pnl: Amount = Field(description="Of all trades in the symbol so far, without fees.")
    opened_at: Time
    updated_at: Time
    sequence: int


class PositionsView(BaseModel):
    """All open positions (an account holds at most 256)."""

    model_config = ConfigDict(extra="forbid")

    items: list[PositionView]
    next_cursor: str | None = None


class PortfolioView(BaseModel):
    """The whole account, valued at marks of the same moment."""

    model_config = ConfigDict(extra="forbid")

    account_id: str
    kind: AccountKind
    state: AccountState
    currency: str
    cash: Amount
    reserved: Amount = Field(description="What open orders may need beyond the positions, in the worst case.")
    market_value: Amount = Field(description="Sum of quantity x mark, shorts negative.")
    gross_exposure: Amount = Field(description="Sum of |quantity| x mark.")
    equity: Amount = Field(description="cash + market_value.")
    buying_power: Amount
    withdrawable: Amount
    maintenance_margin: Amount = Field(
        description="The account is liquidated when its equity falls below this. 0: it is not."
    )
    unrealized_pnl: Amount
    realized_pnl: Amount
    day_pnl: Amount | None = Field(
        description="Equity now minus equity at the start of the session, without transfers."
    )
    fees_paid: Amount
    open_orders: int
    positions: list[PositionView]
    sequence: int = Field(description="The journal record that changed the account last.")


class BuyingPowerView(BaseModel):
    """The buying power of the account, from the engine."""

    model_config = ConfigDict(extra="forbid")

    currency: str
    cash: Amount
    reserved: Amount
    equity: Amount
    buying_power: Amount
    withdrawable: Amount
    maintenance_margin: Amount = Field(
        description="The account is liquidated when its equity falls below this. 0: it is not."
    )
    open_orders: int


class HistoryPointView(BaseModel):
    """The account at the end of one interval."""

    model_config = ConfigDict(extra="forbid")

    start: Time
    equity: Amount
    cash: Amount
    transfers: Amount = Field(description="Deposits minus withdrawals within the interval.")
    profit: Amount = Field(description="Equity minus base, without transfers since.")
    drawdown: Amount = Field(
        description="How far the profit is below its highest value so far; 0 or negative."
    )


class HistoryView(BaseModel):
    """The equity of an account over time, oldest interval first."""

    model_config = ConfigDict(extra="forbid")

    interval: str
    base: Amount = Field(description="The equity that the range began with, or the first deposit in it.")
    return_percent: Amount | None
    max_drawdown: Amount
    items: list[HistoryPointView]
