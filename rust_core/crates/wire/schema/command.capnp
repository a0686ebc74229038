@0xd5143d981c80c674;
# Commands: the body of a request on engine.<shard>.command, and the first part of every entry of a journal record.
using T = import "types.capnp";

struct CommandBatch {
  # At most 100, and at most 256 KiB in all.
  commands @0 :List(CommandEnvelope);
}

struct CommandEnvelope {
  # W3C trace context; 0 = none.
  traceHigh @0 :UInt64; traceLow @1 :UInt64;
  span @2 :UInt64;
  # After this time the engine's process refuses the command without sequencing it. 0 = never.
  expiresAt @3 :Int64;
  # At most 64 bytes.
  clientOrderId @4 :Text;
  # Idempotency: digests, see wire::request_key and wire::body_digest.
  hasRequest @5 :Bool;
  requestKeyHigh @6 :UInt64; requestKeyLow @7 :UInt64;
  requestBodyHigh @8 :UInt64; requestBodyLow @9 :UInt64;
  command :union {
    engineStarted @10 :UInt64;
    advanceTime @11 :Void;
    continue @12 :Void;
    setRules @13 :UInt32;
    enableFormat @14 :UInt16;
    defineInstrument @15 :T.Instrument;
    defineFeed @16 :DefineFeed;
    setFees @17 :SetFees;
    setSession @18 :SetSession;
    halt @19 :SymbolRef;
    resume @20 :SymbolRef;
    split @21 :Split;
    dividend @22 :Dividend;
    openAccount @23 :OpenAccount;
    deposit @24 :Transfer;
    withdraw @25 :Transfer;
    resetAccount @26 :Transfer;
    setLimits @27 :SetLimits;
    setAccountState @28 :SetAccountState;
    placeOrder @29 :PlaceOrder;
    replaceOrder @30 :ReplaceOrder;
    cancelOrder @31 :CancelOrder;
    cancelAll @32 :CancelAll;
    outsideQuote @33 :OutsideQuote;
    outsideTrade @34 :OutsideTrade;
    setMargin @35 :SetMargin;
  }
}

struct SymbolRef { symbolHigh @0 :UInt64; symbolLow @1 :UInt64; }
struct DefineFeed {
  feed @0 :UInt32;
  houseHigh @1 :UInt64; houseLow @2 :UInt64;
  silenceNs @3 :Int64;
}
struct SetMargin {
  insuranceHigh @0 :UInt64; insuranceLow @1 :UInt64;
  maintenancePercent @2 :UInt32;
  intervalNs @3 :Int64;
}
struct SetFees { makerPpm @0 :Int32; takerPpm @1 :Int32; }
struct SetSession { session @0 :UInt64; hasClosesAt @1 :Bool; closesAt @2 :Int64; }
struct Split {
  symbolHigh @0 :UInt64; symbolLow @1 :UInt64;
  numerator @2 :UInt32;
  denominator @3 :UInt32;
}
struct Dividend {
  symbolHigh @0 :UInt64; symbolLow @1 :UInt64;
  amountHigh @2 :Int64; amountLow @3 :UInt64;
}
struct OpenAccount {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  kind @2 :T.AccountKind;
  role @3 :T.AccountRole;
  currency @4 :UInt64;
}
# Deposit, Withdraw: the amount; ResetAccount: the cash afterwards.
struct Transfer {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  transferHigh @2 :UInt64; transferLow @3 :UInt64;
  amountHigh @4 :Int64; amountLow @5 :UInt64;
}
struct SetLimits {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  limits @2 :T.Limits;
}
struct SetAccountState {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  state @2 :T.AccountState;
}
struct PlaceOrder {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  orderHigh @2 :UInt64; orderLow @3 :UInt64;
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
  stopPrice @17 :Int64;
  displayQuantity @18 :Int64;
  # Where timeInForce is gtd.
  goodTill @19 :Int64;
  trailKind @20 :T.TrailKind;
  trail @21 :Int64;
  class @22 :T.ClassKind;
  # Null where the class is simple.
  legs @23 :Legs;
}
struct Legs {
  hasTakeProfit @0 :Bool;
  hasStopLoss @1 :Bool;
  stopLossHasLimit @2 :Bool;
  takeProfitOrderHigh @3 :UInt64; takeProfitOrderLow @4 :UInt64;
  takeProfitLimit @5 :Int64;
  stopLossOrderHigh @6 :UInt64; stopLossOrderLow @7 :UInt64;
  stopLossStop @8 :Int64;
  stopLossLimit @9 :Int64;
}
struct ReplaceOrder {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  orderHigh @2 :UInt64; orderLow @3 :UInt64;
  hasQuantity @4 :Bool;
  hasLimitPrice @5 :Bool;
  hasStopPrice @6 :Bool;
  trailKind @7 :T.TrailKind;
  quantity @8 :Int64;
  limitPrice @9 :Int64;
  stopPrice @10 :Int64;
  trail @11 :Int64;
}
struct CancelOrder {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  orderHigh @2 :UInt64; orderLow @3 :UInt64;
}
struct CancelAll {
  accountHigh @0 :UInt64; accountLow @1 :UInt64;
  hasSymbol @2 :Bool;
  symbolHigh @3 :UInt64; symbolLow @4 :UInt64;
}
struct OutsideQuote {
  feed @0 :UInt32;
  sourceSequence @1 :UInt64;
  symbolHigh @2 :UInt64; symbolLow @3 :UInt64;
  bidPrice @4 :Int64;
  bidQuantity @5 :Int64;
  askPrice @6 :Int64;
  askQuantity @7 :Int64;
}
struct OutsideTrade {
  feed @0 :UInt32;
  sourceSequence @1 :UInt64;
  symbolHigh @2 :UInt64; symbolLow @3 :UInt64;
  price @4 :Int64;
  quantity @5 :Int64;
}
