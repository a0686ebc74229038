"""Market data in HTTP requests and responses."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from cift.contracts.amounts import Amount, Time
from cift.contracts.hours import SessionState
from cift.contracts.limits_gen import MAX_FEED_BYTES

NAME_MAX = 100
FEED_PATTERN = rf"^[a-z0-9_-]{{1,{MAX_FEED_BYTES}}}$"


def _line(text: str) -> str:
    text = text.strip(" ")
    if not text or not text.isprintable():
        raise PydanticCustomError("invalid_text", "must be one line of printable characters")
    return text


Line = Annotated[str, Field(min_length=1, max_length=NAME_MAX), AfterValidator(_line)]
"""A name, or a part of one: one line, without the spaces around it."""
Source = Literal["exchange", "outside", "all"]
Interval = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,6}[smhd]$",
        description="A number and s, m, h or d: 1s, 5m, 90m, 1d. Bars of days are days of the"
        " instrument's exchange; other intervals count from the Unix epoch.",
        examples=["1m"],
    ),
]
Hours = Literal["all", "regular", "extended"]
Feed = Annotated[
    str | None,
    Field(pattern=FEED_PATTERN, description="Only this feed; takes precedence over `source`."),
]
DaySpanStart = Annotated[str | None, Field(description="RFC 3339; default: a day before end.")]
DaySpanEnd = Annotated[str | None, Field(description="RFC 3339, not included; default: now.")]


class QuoteView(BaseModel):
    """Best bid and ask, and the last price; null where there is none."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    bid: Amount | None
    bid_quantity: Amount | None
    ask: Amount | None
    ask_quantity: Amount | None
    last: Amount | None
    last_quantity: Amount | None
    last_at: Time | None
    halted: bool
    sequence: int
    at: Time | None


class QuotesView(BaseModel):
    """Quotes of several symbols, all as of the same sequence."""

    model_config = ConfigDict(extra="forbid")

    items: list[QuoteView]
    next_cursor: str | None = None
    unknown_symbols: list[str] = Field(
        default=[], description="Requested symbols that are not traded here, each cut to 32 characters."
    )


class LevelView(BaseModel):
    """One price level of the book: its visible quantity."""

    model_config = ConfigDict(extra="forbid")

    price: Amount
    quantity: Amount
    orders: int


class BookView(BaseModel):
    """The visible book, best prices first."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    bids: list[LevelView]
    asks: list[LevelView]
    sequence: int
    checksum: int = Field(description="Of the best ten levels a side; docs/book-protocol.md defines it.")


class TradeView(BaseModel):
    """A print of the tape."""

    model_config = ConfigDict(extra="forbid")

    id: str
    symbol: str
    source: Literal["exchange", "outside"]
    price: Amount
    quantity: Amount
    aggressor: Literal["buy", "sell"] | None = Field(
        description="Side of the taker; null for outside prints."
    )
    trade_id: int | None
    executed_at: Time


class BarView(BaseModel):
    """Trades of one interval; intervals without a trade have no bar."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    start: Time
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    vwap: Amount = Field(description="Sum of price x quantity over sum of quantity, to nine decimals.")
    trades: int
    sources: list[str] = Field(
        description="Whose trades: `exchange`, and the names of feeds (`outside` where no tick store runs)."
    )


class SymbolView(BaseModel):
    """An instrument that is traded here."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    name: str | None = Field(description="The instrument's name; null where none is set.")
    currency: str
    tick: Amount
    lot: Amount
    band_percent: Amount
    collar_percent: Amount
    halted: bool
    last: Amount | None
    calendar: str = Field(description="The exchange whose trading days and hours apply (ISO 10383), or 24/7.")
    in_regular_hours: bool = Field(description="Whether that exchange is open now.")
    hours_change_at: Time | None = Field(
        description="The time of the next change; null: not within two weeks."
    )
    session: SessionState = Field(description="The part of that exchange's trading day.")
    last_session: str | None = Field(description="The day of the session that is on, or of the last one.")
