"""Exports of this project (`cift data export`, `GET market-data/history`): CSV, JSON and Parquet, with all
times and sequences, so that a loaded export is equal to its original.

Source: docs/formats.md.
"""

from cift.recordings.formats.form import Format, marks

_HEAD = {"symbol": "symbol", "at": "at", "id": "sequence"}

FORMATS = (
    Format(
        "cift-trades",
        ("trade",),
        _HEAD | {"price": "price", "quantity": "quantity", "side": "aggressor", "conditions": "conditions"},
        marks("at sequence price quantity aggressor conditions"),
        has_ids=True,
    ),
    Format(
        "cift-quotes",
        ("quote",),
        _HEAD | {name: name for name in ("bid", "bid_quantity", "ask", "ask_quantity")},
        marks("at sequence bid bid_quantity ask ask_quantity"),
        has_ids=True,
    ),
)
