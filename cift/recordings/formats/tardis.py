"""Tardis.dev, downloadable CSV files: trades, quotes and book_ticker. Times are microseconds; rows are in the
order of arrival (`local_timestamp`), so they may have to be sorted.

Source: https://docs.tardis.dev/downloadable-csv-files/data-types.
"""

from cift.recordings.formats.form import Format, marks

_QUOTE = {
    "at": "timestamp",
    "symbol": "symbol",
    "bid": "bid_price",
    "bid_quantity": "bid_amount",
    "ask": "ask_price",
    "ask_quantity": "ask_amount",
}

FORMATS = (
    Format(
        "tardis-trades",
        ("trade",),
        {"at": "timestamp", "symbol": "symbol", "side": "side", "price": "price", "quantity": "amount"},
        marks("exchange symbol timestamp local_timestamp id side price amount"),
        unit="us",
    ),
    Format(
        "tardis-quotes",
        ("quote",),
        _QUOTE,
        marks("exchange symbol timestamp local_timestamp ask_amount ask_price bid_price bid_amount"),
        unit="us",
    ),
)
