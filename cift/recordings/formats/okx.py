"""OKX, historical trades and aggregated trades. Times are milliseconds.

Source: https://www.okx.com/data-download (files `…-trades-….zip`: trade_id, side, size, price, created_time;
newer ones also instrument_name).
"""

from cift.recordings.formats.form import Format, marks

_COLUMNS = {"id": "trade_id", "at": "created_time", "side": "side", "quantity": "size", "price": "price"}

FORMATS = (
    Format(
        "okx-trades",
        ("trade",),
        _COLUMNS | {"symbol": "instrument_name"},
        marks("instrument_name trade_id side price size created_time"),
        has_ids=True,
    ),
    Format(
        "okx-trades",
        ("trade",),
        _COLUMNS,
        marks("trade_id side size price created_time"),
        file_name=r"^(?P<symbol>[A-Z0-9-]+?)-(agg)?trades-\d{4}",
        has_ids=True,
    ),
)
