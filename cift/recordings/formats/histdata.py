"""HistData.com: ticks (quotes) and minute bars of currencies. Times are Eastern Standard Time all year,
without daylight saving. Volumes are always 0.

Source: https://www.histdata.com/f-a-q/data-files-detailed-specification/.
"""

from cift.recordings.formats.form import NUMBER, Format

_EST = "-05:00"
_BAR = ("time", "open", "high", "low", "close", "volume")
_COLUMNS = {name: name for name in _BAR[1:]}

FORMATS = (
    Format(
        "histdata-ticks",
        ("quote",),
        {"at": "time", "bid": "bid", "ask": "ask"},
        headerless=("time", "bid", "ask", "volume"),
        shape=(r"\d{8} \d{9}", NUMBER, NUMBER, NUMBER),
        file_name=r"DAT_ASCII_(?P<symbol>[A-Z]+)_T_",
        zone=_EST,
        sizes_unknown=True,
    ),
    Format(
        "histdata-bars",
        ("bar",),
        _COLUMNS | {"at": "time"},
        headerless=_BAR,
        shape=(r"\d{8} \d{6}", *(NUMBER,) * 5),
        file_name=r"DAT_ASCII_(?P<symbol>[A-Z]+)_(?P<interval>M1)_",
        zone=_EST,
        seconds=60,
    ),
    Format(
        "histdata-metatrader",
        ("bar",),
        _COLUMNS | {"at": ("date", "time")},
        headerless=("date", *_BAR),
        shape=(r"\d{4}\.\d\d\.\d\d", r"\d\d:\d\d", *(NUMBER,) * 5),
        file_name=r"DAT_MT_(?P<symbol>[A-Z]+)_(?P<interval>M1)_",
        needs_file_name=True,
        zone=_EST,
        seconds=60,
    ),
)
