"""Kaiko, CSV of all trades. Times are milliseconds; `sell` is true if the taker sold.

Source: https://docs.kaiko.com/kaiko-csv-data/data-feeds/level-1-tick-level/all-trades.
"""

from cift.recordings.formats.form import Format, marks
from cift.recordings.values import TAKER_SOLD

FORMATS = (
    Format(
        "kaiko-trades",
        ("trade",),
        {"at": "date", "symbol": "symbol", "price": "price", "quantity": "amount", "side": "sell"},
        marks("id exchange symbol date price amount sell"),
        sides=TAKER_SOLD,
        unit="ms",
    ),
)
