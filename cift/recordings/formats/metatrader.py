"""MetaTrader 5, export of the symbols window: ticks and bars, with tabs. An empty price repeats the last one.

Times are those of the broker's server, which the file does not name; --tz gives them. Where a broker has no
volume (`<VOL>` 0), the number of ticks is used.

Source: https://www.metatrader5.com/en/terminal/help/trading_advanced/custom_instruments#export.
"""

from cift.recordings.formats.form import Format, marks

_FILE = r"^(?P<symbol>[A-Za-z0-9.]+?)_((?P<interval>(M|H|Daily|D)\d*)_)?\d{8,12}"
_BAR = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "vol",
    "ticks": "tickvol",
}

FORMATS = (
    Format(
        "metatrader-ticks",
        ("trade", "quote"),
        {"at": ("date", "time"), "bid": "bid", "ask": "ask", "price": "last", "quantity": "volume"},
        marks("date time bid ask last volume flags"),
        file_name=_FILE,
        fills_forward=("bid", "ask"),
        empties=("0", "0.0", "0.00"),
        sizes_unknown=True,
    ),
    Format(
        "metatrader-bars",
        ("bar",),
        _BAR | {"at": ("date", "time")},
        marks("date time open high low close tickvol vol spread"),
        file_name=_FILE,
    ),
    Format(
        "metatrader-bars",
        ("bar",),
        _BAR | {"at": "date"},
        marks("date open high low close tickvol vol spread"),
        file_name=_FILE,
        seconds=86_400,
    ),
)
