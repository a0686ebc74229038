"""BitMEX, daily dumps of trades and quotes. Times such as 2019-01-01D00:00:00.143621000 are UTC; sizes are
contracts.

Source: https://public.bitmex.com and https://www.bitmex.com/api/explorer/#!/Trade/Trade_get.
"""

from cift.recordings.formats.form import Format, marks

_DAY_D_TIME = {"timestamp": r"^\d{4}-\d\d-\d\d[DT]"}

FORMATS = (
    Format(
        "bitmex-trades",
        ("trade",),
        {"at": "timestamp", "symbol": "symbol", "side": "side", "quantity": "size", "price": "price"},
        marks("timestamp symbol side size price tickdirection trdmatchid grossvalue"),
        first_row=_DAY_D_TIME,
        zone="UTC",
    ),
    Format(
        "bitmex-quotes",
        ("quote",),
        {
            "at": "timestamp",
            "symbol": "symbol",
            "bid": "bidprice",
            "bid_quantity": "bidsize",
            "ask": "askprice",
            "ask_quantity": "asksize",
        },
        marks("timestamp symbol bidsize bidprice askprice asksize"),
        first_row=_DAY_D_TIME,
        zone="UTC",
    ),
)
