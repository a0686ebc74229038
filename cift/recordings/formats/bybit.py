"""Bybit, public trading history: derivatives and spot.

Derivatives: seconds with a fraction; `trdMatchID` is a UUID, so it gives no order. Spot: milliseconds;
`id` counts the rows of one file.

Source: https://public.bybit.com/trading/ and https://public.bybit.com/spot/, and
https://bybit-exchange.github.io/docs/tax/explain.
"""

from cift.recordings.formats.form import Format, marks

FORMATS = (
    Format(
        "bybit-trades",
        ("trade",),
        {"at": "timestamp", "symbol": "symbol", "side": "side", "quantity": "size", "price": "price"},
        marks("timestamp symbol side size price tickdirection trdmatchid grossvalue"),
        first_row={"timestamp": r"^\d{10}(\.\d+)?$"},
        unit="s",
        file_name=r"^(?P<symbol>[A-Z0-9]+)\d{4}-\d\d-\d\d",
    ),
    Format(
        "bybit-spot-trades",
        ("trade",),
        {"at": "timestamp", "side": "side", "quantity": "volume", "price": "price"},
        marks("id timestamp price volume side"),
        first_row={"timestamp": r"^\d{13}$"},
        unit="ms",
        file_name=r"^(?P<symbol>[A-Z0-9]+)_\d{4}-\d\d",
    ),
)
