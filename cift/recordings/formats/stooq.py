"""Stooq, database files: `<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,…`; `<PER>` is D or the minutes of a bar.

Source: https://stooq.com/db/h/.
"""

from cift.recordings.formats.form import Format, marks

_BAR: dict[str, str | tuple[str, ...]] = {
    "at": ("date", "time"),
    "symbol": "ticker",
    "interval": "per",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "vol",
}

FORMATS = (Format("stooq", ("bar",), _BAR, marks("ticker per date time open high low close vol")),)
