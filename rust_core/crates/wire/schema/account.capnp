@0xa817fdd1219d535e;
# Items of UPDATES about accounts, and signals.
using T = import "types.capnp";

enum OrderChange { accepted @0; activated @1; adjusted @2; replaced @3; closed @4; filled @5; refused @6; }

# An order after a change. Only `accepted` and `refused` contain the terms that never change (the symbol and the fields
# after it, but for the amounts).
struct Order {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  change @3 :OrderChange;
  status @4 :UInt16;
  # CloseReason code, 0 = none.
  reason @5 :UInt16;
  accountHigh @6 :UInt64; accountLow @7 :UInt64;
  orderHigh @8 :UInt64; orderLow @9 :UInt64;
  symbol @10 :Text;
  clientOrderId @11 :Text;
  side @12 :T.Side;
  kind @13 :T.OrderKind;
  timeInForce @14 :T.TimeInForce;
  hasDisplayQuantity @15 :Bool;
  hasLimitPrice @16 :Bool;
  hasStopPrice @17 :Bool;
  quantity @18 :Int64;
  limitPrice @19 :Int64;
  stopPrice @20 :Int64;
  filled @21 :Int64;
  filledNotionalHigh @22 :Int64; filledNotionalLow @23 :UInt64;
  trailKind @24 :T.TrailKind;
  trail @25 :Int64;
  # Refusal code, 0 = none.
  refusal @26 :UInt16;
  goodTill @27 :Int64;
  displayQuantity @28 :Int64;
  postOnly @29 :Bool;
  reduceOnly @30 :Bool;
  hasParent @31 :Bool;
  selfTradePrevention @32 :T.SelfTradePrevention;
  parentHigh @33 :UInt64; parentLow @34 :UInt64;
  class @35 :T.ClassKind;
  # The legs of an entry, take-profit first; 0 = no such leg.
  takeProfitHigh @36 :UInt64; takeProfitLow @37 :UInt64;
  stopLossHigh @38 :UInt64; stopLossLow @39 :UInt64;
}

struct Fill {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  accountHigh @3 :UInt64; accountLow @4 :UInt64;
  orderHigh @5 :UInt64; orderLow @6 :UInt64;
  symbol @7 :Text;
  trade @8 :UInt64;
  side @9 :T.Side;
  maker @10 :Bool;
  price @11 :Int64;
  quantity @12 :Int64;
  feeHigh @13 :Int64; feeLow @14 :UInt64;
  filled @15 :Int64;
  leaves @16 :Int64;
  filledNotionalHigh @17 :Int64; filledNotionalLow @18 :UInt64;
  cashHigh @19 :Int64; cashLow @20 :UInt64;
  # Of the account in the symbol, after this fill; realized: by this fill, without fees.
  position @21 :Int64;
  costHigh @22 :Int64; costLow @23 :UInt64;
  realizedHigh @24 :Int64; realizedLow @25 :UInt64;
}

# The position after a record.
struct Position {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  accountHigh @3 :UInt64; accountLow @4 :UInt64;
  symbol @5 :Text;
  quantity @6 :Int64;
  costHigh @7 :Int64; costLow @8 :UInt64;
  # By the record's change.
  realizedHigh @9 :Int64; realizedLow @10 :UInt64;
}

# A movement of cash other than by a trade. kind: CashKind code.
struct Cash {
  sequence @0 :UInt64;
  index @1 :UInt32;
  timestamp @2 :Int64;
  accountHigh @3 :UInt64; accountLow @4 :UInt64;
  transferHigh @5 :UInt64; transferLow @6 :UInt64;
  kind @7 :UInt16;
  amountHigh @8 :Int64; amountLow @9 :UInt64;
  cashHigh @10 :Int64; cashLow @11 :UInt64;
}

# A model's signal for a symbol: value in -1e9..1e9 nanos (short .. long).
struct Signal {
  timestamp @0 :Int64;
  symbol @1 :Text;
  model @2 :Text;
  value @3 :Int64;
  confidence @4 :Int64;
  horizonNs @5 :Int64;
}
