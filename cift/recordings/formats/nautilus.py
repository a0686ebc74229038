"""NautilusTrader, Parquet catalogue: trades, quotes and bars. Prices and sizes are little-endian integers of
8 bytes (1e-9) or 16 bytes (1e-16); the file's metadata has the instrument.

Source: https://nautilustrader.io/docs/latest/concepts/data/catalog/ and
https://docs.rs/crate/nautilus-serialization/latest/source/src/arrow/trade.rs.
"""

from cift.recordings.formats.form import Format, marks

FORMATS = (
    Format(
        "nautilus-trades",
        ("trade",),
        {
            "at": "ts_event",
            "symbol": "symbol",
            "price": "price",
            "quantity": "size",
            "side": "aggressor_side",
        },
        marks("price size aggressor_side trade_id ts_event ts_init"),
        sides={"0": 0, "1": 1, "2": -1, "no_aggressor": 0, "buyer": 1, "seller": -1},
        unit="ns",
    ),
    Format(
        "nautilus-quotes",
        ("quote",),
        {
            "at": "ts_event",
            "symbol": "symbol",
            "bid": "bid_price",
            "bid_quantity": "bid_size",
            "ask": "ask_price",
            "ask_quantity": "ask_size",
        },
        marks("bid_price ask_price bid_size ask_size ts_event ts_init"),
        unit="ns",
    ),
    Format(
        "nautilus-bars",
        ("bar",),
        {name: name for name in ("symbol", "open", "high", "low", "close", "volume", "interval")}
        | {"at": "ts_event"},
        marks("open high low close volume ts_event ts_init"),
        unit="ns",
    ),
)
