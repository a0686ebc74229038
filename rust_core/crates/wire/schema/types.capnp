@0x9bdac5203057c6c8;
# Types that several messages use. Prices, quantities and money are nanos (1e-9 of a unit); times are
# nanoseconds since the Unix epoch. 128-bit values (ids, money, symbols) are two 64-bit words in
# their struct, not pointers: that is smaller, and needs no bounds check.
# Rules of change: fields are only ever added, at the end; a new record layout is switched on by EnableFormat.

enum Side { buy @0; sell @1; }
enum OrderKind { market @0; limit @1; stop @2; stopLimit @3; trailingStop @4; }
enum TimeInForce { day @0; gtc @1; ioc @2; fok @3; gtd @4; }
enum SelfTradePrevention { cancelNewest @0; cancelOldest @1; cancelBoth @2; none @3; }
enum TrailKind { none @0; amount @1; ppm @2; }
enum AccountKind { cash @0; margin @1; }
enum AccountRole { customer @0; house @1; }
enum AccountState { active @0; reduceOnly @1; suspended @2; closed @3; }
enum ClassKind { simple @0; bracket @1; oto @2; oco @3; }

struct Limits {
  maxOrderQuantity @0 :Int64;
  hasMaxOrderQuantity @1 :Bool;
  hasMaxOrderNotional @2 :Bool;
  hasMaxPosition @3 :Bool;
  hasMaxDailyLoss @4 :Bool;
  maxOrderNotionalHigh @5 :Int64; maxOrderNotionalLow @6 :UInt64;
  maxPosition @7 :Int64;
  maxOpenOrders @8 :UInt32;
  maxOrdersPerSecond @9 :UInt32;
  maxDailyLossHigh @10 :Int64; maxDailyLossLow @11 :UInt64;
  leveragePercent @12 :UInt32;
}

struct Instrument {
  symbolHigh @0 :UInt64; symbolLow @1 :UInt64;
  currency @2 :UInt64;
  tick @3 :Int64;
  lot @4 :Int64;
  bandPpm @5 :UInt32;
  collarPpm @6 :UInt32;
}

struct OrderSummary {
  orderHigh @0 :UInt64; orderLow @1 :UInt64;
  status @2 :UInt16;
  # CloseReason code, 0 = none.
  reason @3 :UInt16;
  quantity @4 :Int64;
  filled @5 :Int64;
  filledNotionalHigh @6 :Int64; filledNotionalLow @7 :UInt64;
}

struct FirstResult {
  sequence @0 :UInt64;
  at @1 :Int64;
  order @2 :OrderSummary;
  affected @3 :UInt32;
  # Refusal code, 0 = none.
  refusal @4 :UInt16;
}
