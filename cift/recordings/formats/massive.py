"""Massive (formerly Polygon.io), flat files of US stocks: trades, quotes, minute and day aggregates.

Times are nanoseconds; conditions are numbers. Only trades with the correction indicator 0 (regular) or 1
(the corrected form of an earlier trade) are kept; 7, 8, 10, 11 and 12 mark errors, cancels and repetitions.

Source: https://massive.com/docs/flat-files/stocks/trades, …/quotes, …/minute-aggregates.
"""

from cift.recordings.formats.form import Format, marks

FORMATS = (
    Format(
        "massive-trades",
        ("trade",),
        {
            "at": "sip_timestamp",
            "symbol": "ticker",
            "price": "price",
            "quantity": "size",
            "conditions": "conditions",
        },
        marks("ticker conditions correction exchange id participant_timestamp price sip_timestamp size"),
        unit="ns",
        conditions="numbers",
        keep={"correction": ("", "0", "00", "1", "01")},
    ),
    Format(
        "massive-quotes",
        ("quote",),
        {
            "at": "sip_timestamp",
            "symbol": "ticker",
            "bid": "bid_price",
            "bid_quantity": "bid_size",
            "ask": "ask_price",
            "ask_quantity": "ask_size",
        },
        marks("ticker ask_price ask_size bid_price bid_size sip_timestamp"),
        unit="ns",
    ),
    Format(
        "massive-aggregates",
        ("bar",),
        {
            "at": "window_start",
            "symbol": "ticker",
            "open": "open",
            "high": "high",
            "low": "low",
            "close": "close",
            "volume": "volume",
            "trades": "transactions",
        },
        marks("ticker volume open close high low window_start transactions"),
        unit="ns",
    ),
)
