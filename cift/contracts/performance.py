"""Closed trades, performance and statements of an account in HTTP responses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.accounts import TransactionView

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
    quantity: str
    entry_price: str
    exit_price: str
    entry_at: str = Field(description="With `average`: the first fill of the position.")
    exit_at: str
    seconds_held: str
    profit: str = Field(description="Without fees.")
    fees: str = Field(description="Of entry and exit.")
    net_profit: str
    return_percent: str | None = Field(description="Net profit in percent of the entry's value.")
    exit_order_id: str


class ActivityView(BaseModel):
    """Fills and closed trades. A trade is won or lost after fees."""

    model_config = ConfigDict(extra="forbid")

    fills: int
    volume: str = Field(description="Sum of price x quantity.")
    fees: str
    realized: str = Field(description="Without fees, at average cost.")
    closed_trades: int
    won: int
    lost: int
    win_rate_percent: str | None
    profit_factor: str | None = Field(description="Profits of won trades / losses of lost ones.")
    average_seconds_held: str | None


class SymbolPerformanceView(ActivityView):
    """The trades of a symbol."""

    symbol: str


class DayPerformanceView(ActivityView):
    """The account at the end of a day, and the trades of that day."""

    date: str
    equity: str
    cash: str
    transfers: str
    profit: str
    return_percent: str | None


class PerformanceView(BaseModel):
    """The performance of an account in a range of days (UTC). Ratios without a divisor are null."""

    model_config = ConfigDict(extra="forbid")

    start: str
    end: str
    method: MethodOfMatching
    days_per_year: int
    base: str = Field(description="The equity that the range began with, or the first deposit in it.")
    profit: str
    return_percent: str | None = Field(description="Time-weighted: transfers do not change it.")
    volatility_percent: str | None = Field(description="Of a year.")
    sharpe: str | None
    sortino: str | None
    max_drawdown: str
    max_drawdown_percent: str | None
    exposure_percent: str | None = Field(description="Mean of gross position value / equity at ends of days.")
    turnover: str | None = Field(description="Value of all fills / mean equity.")
    trades: ActivityView
    symbols: list[SymbolPerformanceView]
    days: list[DayPerformanceView]


class StatementPositionView(BaseModel):
    """A position at the end of the period, at the last price before it."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    quantity: str
    cost: str
    price: str | None
    value: str


class StatementView(BaseModel):
    """A day or a month (UTC) of an account."""

    model_config = ConfigDict(extra="forbid")

    account_id: str
    period: str
    start: str
    end: str
    complete: bool = Field(description="Whether the period is over.")
    opening_equity: str
    closing_equity: str
    opening_cash: str
    closing_cash: str
    transfers: str = Field(description="Deposits minus withdrawals.")
    profit: str
    fees: str
    income: str = Field(description="Dividends and cash in lieu.")
    transactions: list[TransactionView]
    closed_trades: list[ClosedTradeView]
    positions: list[StatementPositionView]
