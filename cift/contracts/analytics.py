"""Analytics of ticks, quotes and fills in HTTP responses. Amounts are decimal strings, ratios are numbers."""

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.amounts import Amount, Time


class SpreadView(BaseModel):
    """The inside market of one interval: means over its quotes that had both sides and did not cross."""

    model_config = ConfigDict(extra="forbid")

    start: Time
    spread: Amount
    spread_min: Amount
    spread_max: Amount
    spread_bp: float = Field(description="Mean of spread over mid, in 1/100 of a percent.")
    bid_quantity: Amount
    ask_quantity: Amount
    quotes: int


class OrderFlowView(BaseModel):
    """Order-flow imbalance of one interval (Cont, Kukanov, Stoikov 2014)."""

    model_config = ConfigDict(extra="forbid")

    start: Time
    imbalance: Amount = Field(
        description="Sum over quotes of the quantity added to the bid minus that added to the ask."
    )
    quotes: int


class VolumeAtPriceView(BaseModel):
    """The volume traded in one band of prices; `price` is its lower end."""

    model_config = ConfigDict(extra="forbid")

    price: Amount
    volume: Amount
    trades: int


class ExecutionView(BaseModel):
    """One fill compared with the market; null where there was no quote."""

    model_config = ConfigDict(extra="forbid")

    at: Time
    order_id: str
    symbol: str
    side: str
    liquidity: str
    price: Amount
    quantity: Amount
    mid: Amount | None = Field(description="Middle of the inside market when it was filled.")
    effective_spread: Amount | None = Field(
        description="Twice the price paid beyond the mid; below 0: earned."
    )
    arrival_mid: Amount | None = Field(description="Middle of the inside market when the order was placed.")
    slippage: Amount | None = Field(description="The price paid beyond the arrival mid; below 0: improved.")
