"""Databento as CSV: trades, tbbo, mbp-1, bbo and ohlcv; prices as decimals or as integers of 1e-9. The binary
form is read by `cift.recordings.dbn`.

The side of a trade is its aggressor: Ask for a sale, Bid for a purchase. 9223372036854775807 is no price.

Source: https://databento.com/docs/schemas/trades and …/schemas/mbp-1, …/schemas/ohlcv.
"""

from cift.recordings.formats.form import Format, marks

_TRADE = {"at": "ts_event", "symbol": "symbol", "side": "side", "price": "price", "quantity": "size"}
_QUOTE = {
    "at": "ts_event",
    "symbol": "symbol",
    "bid": "bid_px_00",
    "bid_quantity": "bid_sz_00",
    "ask": "ask_px_00",
    "ask_quantity": "ask_sz_00",
}
_BAR = {name: name for name in ("symbol", "open", "high", "low", "close", "volume")} | {"at": "ts_event"}
_NO_PRICE = ("9223372036854775807", "9223372036.854775807")
_TOP = marks(
    "ts_event rtype publisher_id instrument_id action side price size bid_px_00 ask_px_00 bid_sz_00 ask_sz_00"
)
_TRADES = marks("ts_event rtype publisher_id instrument_id action side price size")
_BARS = marks("ts_event rtype publisher_id instrument_id open high low close volume")
_ONLY_TRADES = ("action", ("T",))


def _both(name: str, kinds: object, columns: object, keys: frozenset[str], price: str) -> tuple[Format, ...]:
    """The format with decimal prices, and with integers of 1e-9."""
    return tuple(
        Format(
            name,
            kinds,  # type: ignore[arg-type]
            columns,  # type: ignore[arg-type]
            keys,
            first_row={price: form},
            price_scale=scale,
            zone="UTC",
            trade_if=_ONLY_TRADES if "trade" in kinds else None,  # type: ignore[operator]
            empties=_NO_PRICE,
        )
        for form, scale in ((r"^-?\d+\.\d+$", 0), (r"^-?\d+$", 9))
    )


FORMATS = (
    *_both("databento-mbp-1", ("trade", "quote"), _TRADE | _QUOTE, _TOP, "price"),
    *_both("databento-trades", ("trade",), _TRADE, _TRADES, "price"),
    *_both("databento-ohlcv", ("bar",), _BAR, _BARS, "open"),
)
