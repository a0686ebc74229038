"""Coinbase Exchange: trades and candles as its REST API returns them, as JSON or CSV.

`side` is the side of the maker's order, so `buy` means that the taker sold. A candle is the list time, low,
high, open, close, volume.

Source: https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproducttrades and
…_getproductcandles.
"""

from cift.recordings.formats.form import NUMBER, Format, marks

FORMATS = (
    Format(
        "coinbase-trades",
        ("trade",),
        {
            "id": "trade_id",
            "at": "time",
            "price": "price",
            "quantity": "size",
            "side": "side",
            "symbol": "product_id",
        },
        marks("trade_id time price size side"),
        sides={"buy": -1, "sell": 1},
        has_ids=True,
    ),
    Format(
        "coinbase-candles",
        ("bar",),
        {"at": "time", "low": "low", "high": "high", "open": "open", "close": "close", "volume": "volume"},
        headerless=("time", "low", "high", "open", "close", "volume"),
        shape=(r"\d{10}", *(NUMBER,) * 5),
        file_name=r"(?i)coinbase|candles|gdax",
        needs_file_name=True,
    ),
)
