@0xfff75ba799a5bce5;
# Items of UPDATES about symbols, and the whole book for new subscribers.
# sequence is the journal record that a message comes from, index its place among the items of one command.
using T = import "types.capnp";

struct Trade {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  symbol @3 :Text;
  # Own trades count from 1; 0 = a print of an outside feed.
  trade @4 :UInt64;
  feed @5 :UInt32;
  price @6 :Int64;
  quantity @7 :Int64;
  # Side of the taker; meaningless for outside prints.
  aggressor @8 :T.Side;
}

# A symbol's quote after a record: best prices, last price, halt. Quantity 0 = no order on that side; last 0 = no price
# yet.
struct Quote {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  symbol @3 :Text;
  bid @4 :Int64;
  bidQuantity @5 :Int64;
  ask @6 :Int64;
  askQuantity @7 :Int64;
  last @8 :Int64;
  lastQuantity @9 :Int64;
  lastAt @10 :Int64;
  halted @11 :Bool;
}

# One minute of trades on this exchange.
struct Bar {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  symbol @3 :Text;
  start @4 :Int64;
  open @5 :Int64;
  high @6 :Int64;
  low @7 :Int64;
  close @8 :Int64;
  volume @9 :Int64;
  # Sum of price times quantity, in units of 1e-18.
  turnoverHigh @10 :Int64; turnoverLow @11 :UInt64;
  trades @12 :UInt32;
}

struct LevelChange {
  side @0 :T.Side;
  orders @1 :UInt32;
  price @2 :Int64;
  # Visible total of the level; 0 = gone.
  quantity @3 :Int64;
}

# The levels that one record changed, each with its new state. checksum: of the best ten a side after the record
# (docs/book-protocol.md); absent where the publisher does not have the book, as for records that are published late.
struct BookDelta {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  symbol @3 :Text;
  changes @4 :List(LevelChange);
  hasChecksum @5 :Bool;
  checksum @6 :UInt32;
}

struct BookLevel { price @0 :Int64; quantity @1 :Int64; orders @2 :UInt32; }

struct OrderBookSnapshot {
  sequence @0 :UInt64;
  timestamp @1 :Int64;
  symbol @2 :Text;
  # Best first.
  bids @3 :List(BookLevel);
  asks @4 :List(BookLevel);
}
