"""ccxt: its unified trades as CSV or JSON, and its OHLCV lists as JSON or CSV without a header. Milliseconds.

Source: https://docs.ccxt.com/#/?id=trade-structure and https://docs.ccxt.com/#/?id=ohlcv-structure.
"""

from cift.recordings.formats.form import NUMBER, Format, marks

FORMATS = (
    Format(
        "ccxt-trades",
        ("trade",),
        {"at": "timestamp", "symbol": "symbol", "side": "side", "price": "price", "quantity": "amount"},
        marks("timestamp datetime symbol side price amount"),
        unit="ms",
    ),
    Format(
        "ccxt-ohlcv",
        ("bar",),
        {
            "at": "timestamp",
            "open": "open",
            "high": "high",
            "low": "low",
            "close": "close",
            "volume": "volume",
        },
        headerless=("timestamp", "open", "high", "low", "close", "volume"),
        shape=(r"\d{13}", *(NUMBER,) * 5),
        unit="ms",
    ),
)
