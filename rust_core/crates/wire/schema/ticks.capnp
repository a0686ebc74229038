@0xd8617cd9cc8596d0;
# Ticks and bars as columns: a message has many of one symbol. Payloads of ticks.<feed>.<symbol>.
# A column is a sequence of little-endian values in a Data, not in a List: NumPy, Arrow and Rust use its bytes as an array
# without copying, at any address. A slice of a list would need an aligned address.
# Columns of one batch have one length, at least 1. Prices and quantities are nanos, times nanoseconds since the
# Unix epoch, as everywhere. A tick's id is (feed, kind, sequence); a message's id is the feed, the kind and its
# first sequence.

struct TickBatch {
  # The source: characters a–z 0–9 - _.
  feed @0 :Text;
  symbol @1 :Text;
  # The feed's numbers, strictly monotonic.
  sequences @2 :Data;  # u64
  # The source's times; they may go back.
  times @3 :Data;  # i64
  union {
    trades :group {
      prices @4 :Data;  # i64
      quantities @5 :Data;  # i64
      # Taker's side: 1 buy, -1 sell, 0 not known.
      sides @6 :Data;  # i8
      # Sale conditions as bits, numbered as QuantConnect Lean does; 0 = none.
      conditions @7 :Data;  # u32
    }
    # Quantity 0 = no order on that side.
    quotes :group {
      bids @8 :Data;  # i64
      bidQuantities @9 :Data;  # i64
      asks @10 :Data;  # i64
      askQuantities @11 :Data;  # i64
    }
  }
}

struct BarBatch {
  source @0 :Text;
  symbol @1 :Text;
  intervalS @2 :UInt32;
  # Starts of the intervals, strictly monotonic.
  starts @3 :Data;  # i64
  opens @4 :Data;  # i64
  highs @5 :Data;  # i64
  lows @6 :Data;  # i64
  closes @7 :Data;  # i64
  volumes @8 :Data;  # i64
  # Sum of price x quantity over sum of quantity.
  vwaps @9 :Data;  # i64
  trades @10 :Data;  # u32
}
