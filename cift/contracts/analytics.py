"""Figures made of ticks, quotes and fills, as HTTP speaks of them. Decimal strings, but for ratios."""

from pydantic import BaseModel, ConfigDict, Field


class SpreadView(BaseModel):
    """The inside market of one interval: means over its quotes that had both sides and did not cross."""

    model_config = ConfigDict(extra="forbid")

    start: str
    spread: str
    spread_min: str
    spread_max: str
    spread_bp: float = Field(description="Mean of spread over mid, in 1/100 of a percent.")
    bid_quantity: str
    ask_quantity: str
    quotes: int


class OrderFlowView(BaseModel):
    """Order-flow imbalance of one interval (Cont, Kukanov, Stoikov 2014)."""

    model_config = ConfigDict(extra="forbid")

    start: str
    imbalance: str = Field(description="Sum of what each quote added to the bid less what to the ask.")
    quotes: int


class VolumeAtPriceView(BaseModel):
    """What was traded in one band of prices; `price` is its lower end."""

    model_config = ConfigDict(extra="forbid")

    price: str
    volume: str
    trades: int


class ExecutionView(BaseModel):
    """How one fill compares with the market: null where there was no quote."""

    model_config = ConfigDict(extra="forbid")

    at: str
    order_id: str
    symbol: str
    side: str
    liquidity: str
    price: str
    quantity: str
    mid: str | None = Field(description="Middle of the inside market when it was filled.")
    effective_spread: str | None = Field(description="Twice what was paid beyond the mid; below 0: earned.")
    arrival_mid: str | None = Field(description="Middle of the inside market when the order was placed.")
    slippage: str | None = Field(description="What was paid beyond the arrival mid; below 0: improved.")
