"""Bytes of the wire (Cap'n Proto) to Python dicts and back.

Prices, quantities and money are ``int`` nanos (1e-9 of a unit), times ``int`` nanoseconds since the Unix epoch, ids
``str`` UUIDs in canonical form, symbols ``str``, names (sides, kinds, reasons) ``str`` in snake case, what is absent
``None``. Whatever is wrong, in a dict or in bytes, is a ``ValueError``; for a dict it names the command and the field,
``commands[3].class.bracket.stop_loss.limit_price: expected an int (nanos), got float``.

The layout of the bytes belongs to ``rust_core/crates/wire/schema``; the tests of both languages read the vectors
beside it.
"""

from ._cift_core import (
    decode_book_delta,
    decode_book_snapshot,
    decode_cash,
    decode_commands,
    decode_fill,
    decode_order,
    decode_position,
    decode_quote,
    decode_record,
    decode_results,
    decode_signal,
    decode_trade,
    encode_commands,
)

__all__ = [
    "decode_book_delta",
    "decode_book_snapshot",
    "decode_cash",
    "decode_commands",
    "decode_fill",
    "decode_order",
    "decode_position",
    "decode_quote",
    "decode_record",
    "decode_results",
    "decode_signal",
    "decode_trade",
    "encode_commands",
]
