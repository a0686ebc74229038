"""Kraken, downloadable history: time and sales, and OHLCVT. No header; times are seconds.

The file's name is the pair, and for OHLCVT also the minutes of a bar: XBTUSD.csv, XBTUSD_60.csv.

Source: https://support.kraken.com/articles/360047543791-downloadable-historical-market-data-time-and-sales-
and https://support.kraken.com/articles/360047124832-downloadable-historical-ohlcvt-data.
"""

from cift.recordings.formats.form import INTEGER, NUMBER, Format

_SECONDS = r"\d{10}(\.\d+)?"

FORMATS = (
    Format(
        "kraken-trades",
        ("trade",),
        {"at": "time", "price": "price", "quantity": "volume"},
        headerless=("time", "price", "volume"),
        shape=(_SECONDS, NUMBER, NUMBER),
        file_name=r"^(?P<symbol>[A-Z0-9.]{5,12})\.csv",
        unit="s",
    ),
    Format(
        "kraken-ohlcvt",
        ("bar",),
        {
            "at": "time",
            "open": "open",
            "high": "high",
            "low": "low",
            "close": "close",
            "volume": "volume",
            "trades": "trades",
        },
        headerless=("time", "open", "high", "low", "close", "volume", "trades"),
        shape=(r"\d{10}", *(NUMBER,) * 5, INTEGER),
        file_name=r"^(?P<symbol>[A-Z0-9.]{5,12})_(?P<interval>\d+)\.csv",
        unit="s",
    ),
)
