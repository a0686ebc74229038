"""Closed trades, performance and statements of an account in HTTP responses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.accounts import TransactionView
from cift.contracts.amounts import Amount, Time

MethodOfMatching = Literal["average", "fifo"]
Method = Annotated[
    MethodOfMatching,
    Field(
        description="Which entry a closing fill belongs to: `average`, the position at its average cost, as"
        " in the ledger; or `fifo`, the oldest entries first."
    ),
]


class ClosedTradeView(BaseModel):
    """A part of a position from its entry to its exit."""

    model_config = ConfigDict(extra="forbid")

    id: str
    symbol: str
    side: Literal["long", "short"]
    quantity: Amount
    entry_price: Amount
    exit_price: Amount
    entry_at: Time = Field(description="With `average`: the first fill of the position.")
    exit_at: Time
    seconds_held: Amount
    profit: Amount = Field(description="Without fees.")
    fees: Amount = Field(description="Of entry and exit.")
    net_profit: Amount
    return_percent: Amount | None = Field(description="Net profit in percent of the entry's value.")
    exit_order_id: str


class ActivityView(BaseModel):
    """Fills and closed trades. A trade is won or lost after fees."""

    model_config = ConfigDict(extra="forbid")

    fills: int
    volume: Amount = Field(description="Sum of price x quantity.")
    fees: Amount
    realized: Amount = Field(description="Without fees, at average cost.")
    closed_trades: int
    won: int
    lost: int
    win_rate_percent: Amount | None
    profit_factor: Amount | None = Field(description="Profits of won trades / losses of lost ones.")
    average_seconds_held: Amount | None


class SymbolPerformanceView(ActivityView):
    """The trades of a symbol."""

    symbol: str


class DayPerformanceView(ActivityView):
    """The account at the end of a day, and the trades of that day."""

    date: str
    equity: Amount
    cash: Amount
    transfers: Amount
    profit: Amount
    return_percent: Amount | None


class PerformanceView(BaseModel):
    """The performance of an account in a range of days (UTC). Ratios without a divisor are null."""

    model_config = ConfigDict(extra="forbid")

    start: Time
    end: Time
    method: MethodOfMatching
    days_per_year: int
    base: Amount = Field(description="The equity that the range began with, or the first deposit in it.")
    profit: Amount
    return_percent: Amount | None = Field(description="Time-weighted: transfers do not change it.")
    volatility_percent: Amount | None = Field(description="Of a year.")
    sharpe: Amount | None
    sortino: Amount | None
    max_drawdown: Amount
    max_drawdown_percent: Amount | None
    exposure_percent: Amount | None = Field(
        description="Mean of gross position value / equity at ends of days."
    )
    turnover: Amount | None = Field(description="Value of all fills / mean equity.")
    trades: ActivityView
    symbols: list[SymbolPerformanceView]
    days: list[DayPerformanceView]


class StatementPositionView(BaseModel):
    """A position at the end of the period, at the last price before it."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    quantity: Amount
    cost: Amount
    price: Amount | None
    value: Amount


class StatementView(BaseModel):
    """A day or a month (UTC) of an account."""

    model_config = ConfigDict(extra="forbid")

    account_id: str
    period: str
    start: Time
    end: Time
    complete: bool = Field(description="Whether the period is over.")
    opening_equity: Amount
    closing_equity: Amount
    opening_cash: Amount
    closing_cash: Amount
    transfers: Amount = Field(description="Deposits minus withdrawals.")
    profit: Amount
    fees: Amount
    income: Amount = Field(description="Dividends and cash in lieu.")
    transactions: list[TransactionView]
    closed_trades: list[ClosedTradeView]
    positions: list[StatementPositionView]
