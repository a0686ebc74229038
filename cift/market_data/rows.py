"""The rows of the tables `instruments`, `trades` and `market_data_cache`: the one definition of their fields.

The statements that write the tables are derived from these dataclasses (`cift.platform.columns`). Numbers are
nanos, times ns since the Unix epoch.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from cift.contracts.names_gen import Side
from cift.platform.columns import TEXT, BigInt, Bool, Integer, Nanos, Text, Time


@dataclass(slots=True)
class Instrument:
    """A row of `instruments`, as it is defined."""

    symbol: Text
    currency: Text
    tick: Nanos
    lot: Nanos
    band_ppm: Integer
    collar_ppm: Integer
    defined_at: Time
    updated_at: Time
    sequence: BigInt


@dataclass(slots=True)
class Halt:
    """Whether an instrument is halted."""

    symbol: Text
    halted: Bool
    updated_at: Time
    sequence: BigInt


@dataclass(slots=True)
class Trade:
    """A row of `trades`: a print of the tape."""

    sequence: BigInt
    entry: Integer
    source: Annotated[Literal["exchange", "outside"], TEXT]
    symbol: Text
    price: Nanos
    quantity: Nanos
    trade_id: BigInt | None
    aggressor: Annotated[Side, TEXT] | None
    feed: BigInt | None
    executed_at: Time


@dataclass(slots=True)
class LastPrice:
    """The last print of a symbol in `market_data_cache`."""

    symbol: Text
    last_price: Nanos
    last_quantity: Nanos
    last_source: Text
    last_at: Time
    updated_at: Time
    sequence: BigInt


@dataclass(slots=True)
class Quote:
    """The last outside quote of a symbol in `market_data_cache`; None: no order on that side."""

    symbol: Text
    bid: Nanos | None
    bid_quantity: Nanos | None
    ask: Nanos | None
    ask_quantity: Nanos | None
    quote_at: Time
    updated_at: Time
    sequence: BigInt


@dataclass(slots=True)
class Split:
    """Turns `denominator` old units into `numerator` new ones."""

    symbol: str
    numerator: int
    denominator: int
    at: int
    sequence: int


@dataclass(slots=True)
class MarketChanges:
    """What a batch of records changes in instruments, trades and market_data_cache."""

    instruments: list[Instrument] = field(default_factory=list)
    halts: dict[str, Halt] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    quotes: dict[str, Quote] = field(default_factory=dict)

    def last_prices(self) -> list[LastPrice]:
        """The last print of each symbol."""
        last = {trade.symbol: trade for trade in self.trades}
        return [
            LastPrice(
                trade.symbol,
                trade.price,
                trade.quantity,
                trade.source,
                trade.executed_at,
                trade.executed_at,
                trade.sequence,
            )
            for trade in last.values()
        ]
