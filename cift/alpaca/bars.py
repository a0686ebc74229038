"""Bars in Alpaca's form: the grammar of timeframes, and days, weeks and months of New York. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cift.alpaca.errors import AlpacaError
from cift.kernel.clock import from_datetime, rfc3339

NEW_YORK = ZoneInfo("America/New_York")
HOUR_S = 3_600
_TIMEFRAME = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D|Week|W|Month|M)", re.ASCII)
_UNITS = {"T": "Min", "H": "Hour", "D": "Day", "W": "Week", "M": "Month"}
_ALLOWED = {
    "Min": range(1, 60),
    "Hour": range(1, 24),
    "Day": (1,),
    "Week": (1,),
    "Month": (1, 2, 3, 4, 6, 12),
}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The length of bars."""

    count: int
    unit: str

    @property
    def seconds(self) -> int:
        """The length of the bars that are read: those of days and longer are made of hours."""
        return self.count * 60 if self.unit == "Min" else HOUR_S * (self.count if self.unit == "Hour" else 1)

    @property
    def by_date(self) -> bool:
        """Whether bars are days or longer."""
        return self.unit not in ("Min", "Hour")

    def start(self, moment: datetime) -> datetime:
        """The start of the day, week or months of New York that contain `moment`."""
        day = moment.astimezone(NEW_YORK).date()
        if self.unit == "Week":
            day -= timedelta(days=day.weekday())
        elif self.unit == "Month":
            day = date(day.year, (day.month - 1) // self.count * self.count + 1, 1)
        return midnight(day)


def midnight(day: date) -> datetime:
    """The beginning of a day in New York."""
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)


def timeframe(text: str) -> Timeframe:
    """`5Min`, `1Hour`, `1Day`, `1Week`, `3Month`. Raises AlpacaError: 400."""
    found = _TIMEFRAME.fullmatch(text)
    if found is not None:
        unit = _UNITS.get(found[2], found[2])
        if int(found[1]) in _ALLOWED[unit]:
            return Timeframe(int(found[1]), unit)
    raise AlpacaError(
        400,
        40010001,
        f"invalid timeframe: {text[:16]!r}; allowed: 1-59Min, 1-23Hour, 1Day, 1Week, [1,2,3,4,6,12]Month",
    )


@dataclass(slots=True)
class Bar:
    """Trades of one interval."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    notional: Decimal
    trades: int


def bar_of(row: Any) -> Bar:
    """A bar, from a row of `cift.market_data.store.bars`."""
    return Bar(
        row["start"],
        row["open"],
        row["high"],
        row["low"],
        row["close"],
        row["volume"],
        row["vwap"] * row["volume"],
        row["trades"],
    )


def merged(hours: Iterable[Bar], of: Timeframe) -> list[Bar]:
    """Bars of days, weeks or months from those of hours, oldest first."""
    found: list[Bar] = []
    for hour in hours:
        start = of.start(hour.start)
        if not found or found[-1].start != start:
            hour.start = start
            found.append(hour)
            continue
        bar = found[-1]
        bar.high, bar.low = max(bar.high, hour.high), min(bar.low, hour.low)
        bar.close = hour.close
        bar.volume += hour.volume
        bar.notional += hour.notional
        bar.trades += hour.trades
    return found


def body(bar: Bar) -> dict[str, Any]:
    """The bar in Alpaca's form: numbers, not strings."""
    return {
        "t": rfc3339(from_datetime(bar.start))[:19] + "Z",
        "o": float(bar.open),
        "h": float(bar.high),
        "l": float(bar.low),
        "c": float(bar.close),
        "v": number(bar.volume),
        "n": bar.trades,
        "vw": round(float(bar.notional / bar.volume), 6) if bar.volume else 0.0,
    }


def number(value: Decimal) -> float | int:
    """A JSON number, without decimals where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)
