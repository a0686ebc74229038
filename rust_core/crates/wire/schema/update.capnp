@0xd3a1c6b27f5e4a19;
# The messages of UPDATES: what one journal record changed for clients of the streams.
# (command, index) is an item's id: the command that caused it, and the item's place among those of the command.

enum Kind { trade @0; quote @1; book @2; bar @3; order @4; fill @5; position @6; cash @7; }

struct Update {
  record @0 :UInt64;
  timestamp @1 :Int64;
  # The last id of the update before this one; 0:0 = there is none, or the publisher does not know it.
  previousCommand @2 :UInt64;
  previousIndex @3 :UInt32;
  # This update has all items up to this id.
  lastCommand @4 :UInt64;
  lastIndex @5 :UInt32;
  items @6 :List(Item);
}

struct Item {
  command @0 :UInt64;
  index @1 :UInt32;
  kind @2 :Kind;
  # The symbol of a market item, the account of another.
  keyHigh @3 :UInt64; keyLow @4 :UInt64;
  # A message of market.capnp or account.capnp, by kind.
  data @5 :Data;
}
