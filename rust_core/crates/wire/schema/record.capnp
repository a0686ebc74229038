@0x885fa268fc5e862c;
# One message of the journal: the commands of one batch and the events they caused.
using T = import "types.capnp";
using C = import "command.capnp";

struct Record {
  format @0 :UInt16;
  rules @1 :UInt32;
  # Of the writer. A record is acceptable only if no record before it has a higher one.
  epoch @2 :UInt64;
  # blake3 of the whole previous message; 32 zero bytes before the first.
  previousHash @3 :Data;
  # blake3 of the engine's snapshot bytes after this record; empty where it was not taken.
  stateHash @4 :Data;
  timestamp @5 :Int64;
  # Sequence of the first command; the others follow without a gap.
  firstCommand @6 :UInt64;
  entries @7 :List(Entry);
}

struct Entry {
  envelope @0 :C.CommandEnvelope;
  events @1 :List(Event);
  outcome :union {
    # The order, null where there is none, and the number of orders cancelled by CancelAll.
    done @2 :T.OrderSummary;
    refused @3 :UInt16;
    repeated @4 :T.FirstResult;
  }
  affected @5 :UInt32;
}

struct Event {
  union {
    engineStarted @0 :UInt64;
    rulesSet @1 :UInt32;
    formatEnabled @2 :UInt16;
    refused @3 :UInt16;
    feedWithdrawn @4 :UInt32;
    sessionClosed @5 :UInt64;
    instrumentDefined @6 :T.Instrument;
    feedDefined @7 :C.DefineFeed;
    feesSet @8 :C.SetFees;
    sessionSet @9 :C.SetSession;
    halted @10 :C.SymbolRef;
    resumed @11 :C.SymbolRef;
    splitApplied @12 :C.Split;
    accountOpened @13 :C.OpenAccount;
    limitsSet @14 :C.SetLimits;
    accountStateSet @15 :C.SetAccountState;
    cashMoved @16 :CashMoved;
    positionMoved @17 :PositionMoved;
    orderAccepted @18 :OrderAccepted;
    orderActivated @19 :OrderActivated;
    orderAdjusted @20 :OrderAdjusted;
    orderReplaced @21 :OrderReplaced;
    orderClosed @22 :OrderClosed;
    tradeExecuted @23 :TradeExecuted;
    outsideTraded @24 :OutsideTraded;
    levelChanged @25 :LevelChanged;
    marginSet @26 :C.SetMargin;
    marginCalled @27 :MarginCalled;
  }
}

struct MarginCalled {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  equityHigh @2 :Int64; equityLow @3 :UInt64;
  requirementHigh @4 :Int64; requirementLow @5 :UInt64;
}
struct CashMoved {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  transferHigh @2 :UInt64; transferLow @3 :UInt64;
  kind @4 :UInt16;
  amountHigh @5 :Int64; amountLow @6 :UInt64;
  cashHigh @7 :Int64; cashLow @8 :UInt64;
}
struct PositionMoved {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  symbolHigh @2 :UInt64; symbolLow @3 :UInt64;
  kind @4 :UInt16;
  position @5 :Int64;
  costHigh @6 :Int64; costLow @7 :UInt64;
}
struct OrderAccepted {
  orderHigh @0 :UInt64; orderLow @1 :UInt64;
  accountHigh @2 :UInt64; accountLow @3 :UInt64;
  symbolHigh @4 :UInt64; symbolLow @5 :UInt64;
  side @6 :T.Side;
  kind @7 :T.OrderKind;
  timeInForce @8 :T.TimeInForce;
  selfTradePrevention @9 :T.SelfTradePrevention;
  quantity @10 :Int64;
  limitPrice @11 :Int64;
  hasLimitPrice @12 :Bool;
  hasStopPrice @13 :Bool;
  hasDisplayQuantity @14 :Bool;
  postOnly @15 :Bool;
  reduceOnly @16 :Bool;
  hasParent @17 :Bool;
  status @18 :UInt16;
  stopPrice @19 :Int64;
  displayQuantity @20 :Int64;
  goodTill @21 :Int64;
  trailKind @22 :T.TrailKind;
  trail @23 :Int64;
  parentHigh @24 :UInt64; parentLow @25 :UInt64;
}
struct OrderActivated {
  orderHigh @0 :UInt64; orderLow @1 :UInt64;
  accountHigh @2 :UInt64; accountLow @3 :UInt64;
  status @4 :UInt16;
  quantity @5 :Int64;
}
struct OrderAdjusted {
  orderHigh @0 :UInt64; orderLow @1 :UInt64;
  accountHigh @2 :UInt64; accountLow @3 :UInt64;
  quantity @4 :Int64;
  hasStopPrice @5 :Bool;
  stopPrice @6 :Int64;
}
struct OrderReplaced {
  orderHigh @0 :UInt64; orderLow @1 :UInt64;
  accountHigh @2 :UInt64; accountLow @3 :UInt64;
  quantity @4 :Int64;
  hasLimitPrice @5 :Bool;
  hasStopPrice @6 :Bool;
  trailKind @7 :T.TrailKind;
  limitPrice @8 :Int64;
  stopPrice @9 :Int64;
  trail @10 :Int64;
}
struct OrderClosed {
  orderHigh @0 :UInt64; orderLow @1 :UInt64;
  accountHigh @2 :UInt64; accountLow @3 :UInt64;
  status @4 :UInt16;
  reason @5 :UInt16;
}
struct TradeExecuted {
  trade @0 :UInt64;
  symbolHigh @1 :UInt64; symbolLow @2 :UInt64;
  price @3 :Int64;
  quantity @4 :Int64;
  aggressor @5 :T.Side;
  maker @6 :FillSide;
  taker @7 :FillSide;
}
struct FillSide {
  orderHigh @0 :UInt64; orderLow @1 :UInt64;
  accountHigh @2 :UInt64; accountLow @3 :UInt64;
  feeHigh @4 :Int64; feeLow @5 :UInt64;
  filled @6 :Int64;
  leaves @7 :Int64;
  filledNotionalHigh @8 :Int64; filledNotionalLow @9 :UInt64;
  cashHigh @10 :Int64; cashLow @11 :UInt64;
  position @12 :Int64;
  costHigh @13 :Int64; costLow @14 :UInt64;
  realizedHigh @15 :Int64; realizedLow @16 :UInt64;
}
struct OutsideTraded {
  feed @0 :UInt32;
  symbolHigh @1 :UInt64; symbolLow @2 :UInt64;
  price @3 :Int64;
  quantity @4 :Int64;
}
struct LevelChanged {
  symbolHigh @0 :UInt64; symbolLow @1 :UInt64;
  side @2 :T.Side;
  orders @3 :UInt32;
  price @4 :Int64;
  quantity @5 :Int64;
}
