"""Bytes of the wire (Cap'n Proto) to Python dicts and back.

Prices, quantities and money are ``int`` nanos (1e-9 of a unit), times ``int`` nanoseconds since the Unix
epoch, ids ``str`` UUIDs in canonical form, symbols ``str``, names (sides, kinds, reasons) ``str`` in
snake case, what is absent ``None``. Fields are those of the engine's types
(``rust_core/crates/engine/src/types.rs``).

Whatever is wrong, in a dict or in bytes, is a ``ValueError``; for a dict it names the command and the
field: ``commands[3].class.bracket.stop_loss.limit_price: expected an int (nanos), got float``. A field
that is not known is an error too: a misspelt ``limit_price`` must not make a market order.

A command is ``{"type": "place_order", "account": ..., ...}`` with, beside its own fields, ``trace_id``
(32 hex digits), ``span_id`` (16), ``expires_at`` (ns), ``client_order_id`` (1 to 64 bytes) and
``idempotency_key`` (1 to 128 bytes; place, replace, cancel, cancel_all, deposit, withdraw,
reset_account), all optional. Of the last only digests travel: a decoded command shows them as ``request``
and may be encoded again so. ``time_in_force`` is ``"day"`` unless given, ``("gtd", ns)`` with a time;
``trail`` is ``("amount", nanos)`` or ``("ppm", n)``; ``class`` is ``"simple"`` or ``{"bracket": legs}``,
``{"oto": legs}``, ``{"oco": stop_loss}``.

``decode_record`` gives ``format``, ``rules``, ``epoch``, ``previous_hash``, ``state_hash``,
``timestamp``, ``first_command`` and ``entries``, each with ``command``, ``outcome`` (``status`` done,
refused or repeated, as in a result) and ``events`` (``{"type": "trade_executed", ...}``).

The layout of the bytes belongs to ``rust_core/crates/wire/schema``; the tests of both languages read the
vectors beside it.
"""

from cift_core._cift_core import (
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
