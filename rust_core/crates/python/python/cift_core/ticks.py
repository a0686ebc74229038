"""Batches of ticks and bars (Cap'n Proto) as NumPy arrays, for TICKS and the tick stores.

A batch holds ticks of one symbol from one feed, as columns. Decoded columns are read-only arrays over
the message itself: nothing is copied, and Arrow (``pyarrow.array(column)``) accepts them without a
conversion. Prices and quantities are int64 nanos, times int64 ns since the Unix epoch, sequences
strictly increasing uint64.

``decode_ticks`` returns ``feed``, ``symbol``, ``kind``, ``sequences`` and ``times``. For trades it also
returns ``prices``, ``quantities``, ``sides`` (int8: 1 buy, -1 sell, 0 unknown) and ``conditions``
(uint32 bits in Lean's numbering). For quotes it also returns ``bids``, ``bid_quantities``, ``asks`` and
``ask_quantities`` (quantity 0: that side is empty).

Needs NumPy. Invalid values and messages are a ``ValueError``, arrays of another type a ``TypeError``. The
layout is in ``rust_core/crates/wire/schema/ticks.capnp``.
"""

import numpy  # noqa: F401  (imported here, so that a missing NumPy is an ImportError now)

from cift_core._cift_core import (
    MAX_TICKS_PER_BATCH,
    decode_bars,
    decode_ticks,
    encode_bars,
    encode_quotes,
    encode_trades,
)

__all__ = [
    "MAX_TICKS_PER_BATCH",
    "decode_bars",
    "decode_ticks",
    "encode_bars",
    "encode_quotes",
    "encode_trades",
]
