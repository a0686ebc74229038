"""Bytes of the wire (Cap'n Proto) to Python dicts and back.

Prices, quantities and money are ``int`` nanos (1e-9 of a unit), times ``int`` nanoseconds since the Unix
epoch, ids ``str`` UUIDs in canonical form, symbols ``str``, names (sides, kinds, reasons) ``str`` in snake
case, absent values ``None``. ``message_types`` returns the text of a Python module with a TypedDict for
each message; the project keeps it as ``cift/contracts/messages_gen.py``.

An invalid dict and invalid bytes are a ``ValueError``; for a dict it names the command and the field:
``commands[3].class.bracket.stop_loss.limit_price: expected an int (nanos), got float``. An unknown field is
an error too: a misspelt ``limit_price`` must not make a market order.

A command is ``{"type": "place_order", "account": ..., ...}``. Beside its own fields it may have
``trace_id`` (32 hex digits), ``span_id`` (16), ``expires_at`` (ns), ``client_order_id`` (1 to 64 bytes) and
``idempotency_key`` (1 to 128 bytes; place, replace, cancel, cancel_all, deposit, withdraw, reset_account).
Only digests of the last one travel: a decoded command has them as ``request``, and may be encoded again
with them. ``time_in_force`` is ``"day"`` unless given, ``("gtd", ns)`` with a time; ``trail`` is
``("amount", nanos)`` or ``("ppm", n)``; ``class`` is ``"simple"`` or ``{"bracket": legs}``, ``{"oto":
legs}``, ``{"oco": stop_loss}``.

``decode_record`` returns ``format``, ``rules``, ``epoch``, ``previous_hash``, ``state_hash``,
``timestamp``, ``first_command`` and ``entries``, each with ``command``, ``outcome`` (``status`` done,
refused or repeated, as in a result) and ``events`` (``{"type": "trade_executed", ...}``).

``decode_update`` reads a message of the stream UPDATES: the items that a ``Wanted`` names, or all of one
kind. The items' own decoders are ``decode_trade`` and so on.

``rust_core/crates/wire/schema`` defines the layout of the bytes. The tests of Rust and of Python read the
same vectors beside it.
"""

from cift_core._cift_core import (
    Wanted,
    decode_bar,
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
    decode_update,
    encode_commands,
    message_names,
    message_types,
    shared_limits,
)

__all__ = [
    "Wanted",
    "decode_bar",
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
    "decode_update",
    "encode_commands",
    "message_names",
    "message_types",
    "shared_limits",
]
