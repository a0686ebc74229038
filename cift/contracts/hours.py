"""Trading days and hours in HTTP responses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.amounts import Time

SessionState = Literal["closed", "pre", "regular", "break", "post"]
"""`pre`, `post`: trading before and after the regular hours; `break`: the lunch break."""
CalendarName = Annotated[
    str, Field(max_length=8, description="An exchange (ISO 10383), or 24/7; a refusal lists the known ones.")
]


class TradingDay(BaseModel):
    """The hours of one trading day, in UTC; ends are not included."""

    model_config = ConfigDict(extra="forbid")

    day: str = Field(description="In the exchange's own zone.")
    opens_at: Time
    closes_at: Time
    break_starts_at: Time | None
    break_ends_at: Time | None
    extended_opens_at: Time = Field(description="With trading before the regular hours; else as opens_at.")
    extended_closes_at: Time


class CalendarView(BaseModel):
    """The trading days of an exchange, oldest first."""

    model_config = ConfigDict(extra="forbid")

    calendar: str
    zone: str
    items: list[TradingDay]


class ExchangeClock(BaseModel):
    """The hours of one exchange at the time of the response."""

    model_config = ConfigDict(extra="forbid")

    calendar: str
    zone: str
    local_time: str
    state: SessionState
    is_open: bool = Field(description="Whether the regular hours are on; a lunch break is closed.")
    next_open_at: Time | None = Field(description="null: not within two weeks.")
    next_close_at: Time | None
    last_session: TradingDay | None = Field(description="The session that is on, or the last one.")


class ClockView(BaseModel):
    """The time, whether this exchange is open, and the hours of the exchanges whose calendars it knows."""

    model_config = ConfigDict(extra="forbid")

    now: Time
    is_open: bool = Field(description="Whether this exchange is open: orders are matched.")
    items: list[ExchangeClock]
