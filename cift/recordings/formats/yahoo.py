"""Yahoo Finance, daily history, also as yfinance writes it. Prices are adjusted for splits by Yahoo; the
column Adj Close is not used.

Source: https://help.yahoo.com/kb/SLN2311.html and https://ranaroussi.github.io/yfinance/.
"""

from cift.recordings.formats.form import Format, marks

FORMATS = (
    Format(
        "yahoo-daily",
        ("bar",),
        {name: name for name in ("open", "high", "low", "close", "volume")} | {"at": "date"},
        marks("date open high low close adj_close volume"),
        seconds=86_400,
    ),
)
