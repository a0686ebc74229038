@0xfff75ba799a5bce5;
# Payloads of market.<trade|quote|book>.<symbol>, and the whole book for new subscribers.
# (sequence, index) is a message's id: the journal record it comes from, and its place among the record's messages.
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
