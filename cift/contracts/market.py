"""Market data as HTTP speaks of it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

NAME_MAX = 100


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
        description="A number and s, m, h or d: 1s, 5m, 90m, 1d. Intervals count from the Unix epoch.",
        examples=["1m"],
    ),
]
Hours = Literal["all", "regular"]
Feed = Annotated[
    str | None,
    Field(pattern=r"^[a-z0-9_-]{1,32}$", description="Of one feed alone; it comes before `source`."),
]
DaySpanStart = Annotated[str | None, Field(description="RFC 3339; default: a day before end.")]
DaySpanEnd = Annotated[str | None, Field(description="RFC 3339, not included; default: now.")]


class QuoteView(BaseModel):
    """Best bid and ask, and the last price; null where there is none."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    bid: str | None
    bid_quantity: str | None
    ask: str | None
    ask_quantity: str | None
    last: str | None
    last_quantity: str | None
    last_at: str | None
    halted: bool
    sequence: int
    at: str | None


class QuotesView(BaseModel):
    """Quotes of several symbols, all as of the same sequence."""

    model_config = ConfigDict(extra="forbid")

    items: list[QuoteView]
    next_cursor: str | None = None
    unknown_symbols: list[str] = Field(
        default=[], description="Requested symbols that are not traded here, each cut to 32 characters."
    )


class LevelView(BaseModel):
    """One price of the book: what is visible there."""

    model_config = ConfigDict(extra="forbid")

    price: str
    quantity: str
    orders: int


class BookView(BaseModel):
    """The visible book, best prices first."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    bids: list[LevelView]
    asks: list[LevelView]
    sequence: int
    checksum: int = Field(description="Of the best ten prices a side; docs/book-protocol.md says of what.")


class TradeView(BaseModel):
    """A print of the tape."""

    model_config = ConfigDict(extra="forbid")

    id: str
    symbol: str
    source: Literal["exchange", "outside"]
    price: str
    quantity: str
    aggressor: Literal["buy", "sell"] | None = Field(
        description="Side of the taker; null for outside prints."
    )
    trade_id: int | None
    executed_at: str


class BarView(BaseModel):
    """Trades of one interval; intervals without a trade have no bar."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    start: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    vwap: str = Field(description="Sum of price x quantity over sum of quantity, to nine decimals.")
    trades: int


class SymbolView(BaseModel):
    """An instrument that is traded here."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    name: str | None = Field(description="What it is called; null where nobody has said.")
    currency: str
    tick: str
    lot: str
    band_percent: str
    collar_percent: str
    halted: bool
    last: str | None
    calendar: str = Field(description="The real exchange whose days and hours it has (ISO 10383), or 24/7.")
    in_regular_hours: bool = Field(description="Whether that exchange is open now.")
    hours_change_at: str | None = Field(description="When that changes next; null: not within two weeks.")
