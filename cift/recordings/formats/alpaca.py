"""Alpaca: answers of its market data API as JSON, and frames of alpaca-py as CSV or Parquet. Conditions are
letters in a list.

Source: https://docs.alpaca.markets/reference/stocktrades-1 (t, x, p, s, c, i, z), …/stockquotes-1,
…/stockbars, and https://alpaca.markets/sdks/python/api_reference/data/models.html.
"""

from cift.recordings.formats.form import Format, marks

FORMATS = (
    Format(
        "alpaca-trades",
        ("trade",),
        {"at": "t", "symbol": "symbol", "price": "p", "quantity": "s", "conditions": "c", "tape": "z"},
        marks("t x p s c z"),
        conditions="letters",
    ),
    Format(
        "alpaca-quotes",
        ("quote",),
        {"at": "t", "symbol": "symbol", "bid": "bp", "bid_quantity": "bs", "ask": "ap", "ask_quantity": "as"},
        marks("t bp bs ap as"),
    ),
    Format(
        "alpaca-bars",
        ("bar",),
        {
            "at": "t",
            "symbol": "symbol",
            "open": "o",
            "high": "h",
            "low": "l",
            "close": "c",
            "volume": "v",
            "trades": "n",
        },
        marks("t o h l c v"),
    ),
    Format(
        "alpaca-trades",
        ("trade",),
        {
            "at": "timestamp",
            "symbol": "symbol",
            "price": "price",
            "quantity": "size",
            "conditions": "conditions",
            "tape": "tape",
        },
        marks("timestamp exchange price size conditions tape"),
        conditions="letters",
    ),
    Format(
        "alpaca-quotes",
        ("quote",),
        {
            "at": "timestamp",
            "symbol": "symbol",
            "bid": "bid_price",
            "bid_quantity": "bid_size",
            "ask": "ask_price",
            "ask_quantity": "ask_size",
        },
        marks("timestamp ask_exchange ask_price ask_size bid_exchange bid_price bid_size"),
    ),
    Format(
        "alpaca-bars",
        ("bar",),
        {name: name for name in ("symbol", "open", "high", "low", "close", "volume")}
        | {"at": "timestamp", "trades": "trade_count"},
        marks("timestamp open high low close volume trade_count vwap"),
    ),
)
