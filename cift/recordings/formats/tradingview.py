"""TradingView, export of chart data: time (seconds, or with an offset), OHLC, volume and indicators. The
file's name has market, symbol and interval: `BATS_SPY, 1D.csv`.

Source: https://www.tradingview.com/support/solutions/43000537255-how-to-export-chart-data/.
"""

from cift.recordings.formats.form import Format, marks

FORMATS = (
    Format(
        "tradingview",
        ("bar",),
        {"at": "time", "open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume"},
        marks("time open high low close volume"),
        file_name=r"^(?:[A-Z0-9]+_)?(?P<symbol>[A-Z0-9.]+), ?(?P<interval>\d*[SDWHM]?)",
        needs_file_name=True,
    ),
)
