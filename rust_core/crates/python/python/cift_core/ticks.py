"""Batches of ticks and bars (Cap'n Proto) to NumPy arrays and back, for TICKS and the tick stores.

A batch is many ticks of one symbol from one feed, as columns. Decoded columns are read-only arrays over
the message itself: nothing is copied, and Arrow (``pyarrow.array(column)``) takes them as they are. Prices
and quantities are int64 nanos, times int64 ns since the Unix epoch, sequences uint64 rising strictly.

``decode_ticks`` gives ``feed``, ``symbol``, ``kind``, ``sequences``, ``times`` and, for trades, ``prices``,
``quantities``, ``sides`` (int8: 1 buy, -1 sell, 0 not known), ``conditions`` (uint32 bits as Lean numbers
them); for quotes ``bids``, ``bid_quantities``, ``asks``, ``ask_quantities`` (quantity 0: nobody there).

Needs NumPy; whatever is wrong is a ``ValueError``. The layout: ``rust_core/crates/wire/schema/ticks.capnp``.
"""

import numpy  # noqa: F401  (here, so that its absence is an ImportError now)

from cift_core._cift_core import decode_bars, decode_ticks, encode_bars, encode_quotes, encode_trades

MAX_TICKS_PER_BATCH = 65_536

__all__ = [
    "MAX_TICKS_PER_BATCH",
    "decode_bars",
    "decode_ticks",
    "encode_bars",
    "encode_quotes",
    "encode_trades",
]
