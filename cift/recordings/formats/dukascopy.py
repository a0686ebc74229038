"""Dukascopy, historical data export: ticks and candles in GMT; `01.08.2024 00:00:00.123` is day first.

Source: https://www.dukascopy.com/swiss/english/marketwatch/historical/ (columns Gmt time, Ask,
Bid, AskVolume, BidVolume; or Gmt time, Open, High, Low, Close, Volume).
"""

from cift.recordings.formats.form import Format, marks

_FILE = r"^(?P<symbol>[A-Z]{6})"

FORMATS = (
    Format(
        "dukascopy-ticks",
        ("quote",),
        {
            "at": "gmt_time",
            "bid": "bid",
            "bid_quantity": "bidvolume",
            "ask": "ask",
            "ask_quantity": "askvolume",
        },
        marks("gmt_time ask bid askvolume bidvolume"),
        file_name=_FILE,
        unit="dmy",
        zone="UTC",
    ),
    Format(
        "dukascopy-candles",
        ("bar",),
        {name: name for name in ("open", "high", "low", "close", "volume")} | {"at": "gmt_time"},
        marks("gmt_time open high low close volume"),
        file_name=_FILE,
        unit="dmy",
        zone="UTC",
    ),
)
