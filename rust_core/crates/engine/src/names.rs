//! Named codes: reasons of refusals, states of orders, and reasons why an order ended or an amount moved.
//!
//! Each code has a name, which callers see, and a number for the wire. A number is never reused.

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum $name { $($(#[$vdoc])* $variant = $code),+ }
        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The name that callers see.
            pub const fn as_str(self) -> &'static str { match self { $($name::$variant => $text),+ } }
            pub const fn code(self) -> u16 { self as u16 }
            pub const fn from_code(code: u16) -> Option<$name> { match code { $($code => Some($name::$variant),)+ _ => None } }
        }
    };
}
names!(
/// Why a command was refused. The numbers are on the wire: never reuse one.
Refusal {
    UnknownAccount = 1 "unknown_account",
    AccountExists = 2 "account_exists",
    AccountSuspended = 3 "account_suspended",
    AccountClosed = 4 "account_closed",
    AccountNotFlat = 5 "account_not_flat",
    CurrencyMismatch = 6 "currency_mismatch",
    UnknownSymbol = 10 "unknown_symbol",
    InstrumentExists = 11 "instrument_exists",
    InvalidInstrument = 12 "invalid_instrument",
    InstrumentHalted = 13 "instrument_halted",
    MarketClosed = 14 "market_closed",
    NoReferencePrice = 15 "no_reference_price",
    TooManyInstruments = 16 "too_many_instruments",
    QuantityOutOfRange = 20 "quantity_out_of_range",
    QuantityNotOnLot = 21 "quantity_not_on_lot",
    PriceOutOfRange = 22 "price_out_of_range",
    PriceNotOnTick = 23 "price_not_on_tick",
    PriceOutsideBand = 24 "price_outside_band",
    LimitPriceRequired = 25 "limit_price_required",
    LimitPriceNotAllowed = 26 "limit_price_not_allowed",
    StopPriceRequired = 27 "stop_price_required",
    StopPriceNotAllowed = 28 "stop_price_not_allowed",
    TrailRequired = 29 "trail_required",
    TrailNotAllowed = 30 "trail_not_allowed",
    TrailOutOfRange = 31 "trail_out_of_range",
    DisplayQuantityNotAllowed = 32 "display_quantity_not_allowed",
    PostOnlyNotAllowed = 33 "post_only_not_allowed",
    TimeInForceNotAllowed = 34 "time_in_force_not_allowed",
    ExpiryInThePast = 35 "expiry_in_the_past",
    InvalidLegs = 36 "invalid_legs",
    NothingToReplace = 37 "nothing_to_replace",
    QuantityBelowFilled = 38 "quantity_below_filled",
    PostOnlyWouldCross = 39 "post_only_would_cross",
    DuplicateOrderId = 50 "duplicate_order_id",
    OrderNotOpen = 51 "order_not_open",
    IdempotencyConflict = 52 "idempotency_conflict",
    OrderRateExceeded = 60 "order_rate_exceeded",
    TooManyOpenOrders = 61 "too_many_open_orders",
    OrderQuantityLimit = 62 "order_quantity_limit",
    OrderNotionalLimit = 63 "order_notional_limit",
    ReduceOnlyWouldIncrease = 64 "reduce_only_would_increase",
    AccountReduceOnly = 65 "account_reduce_only",
    DailyLossLimit = 66 "daily_loss_limit",
    TooManyPositions = 67 "too_many_positions",
    PositionLimit = 68 "position_limit",
    InsufficientPosition = 69 "insufficient_position",
    InsufficientBuyingPower = 70 "insufficient_buying_power",
    LeverageLimit = 71 "leverage_limit",
    InsufficientCash = 72 "insufficient_cash",
    AmountOutOfRange = 73 "amount_out_of_range",
    InvalidLimits = 74 "invalid_limits",
    InvalidFees = 75 "invalid_fees",
    DuplicateTransfer = 76 "duplicate_transfer",
    UnknownFeed = 80 "unknown_feed",
    StaleSourceSequence = 81 "stale_source_sequence",
    CrossedQuote = 82 "crossed_quote",
    TooManyFeeds = 83 "too_many_feeds",
    InvalidSplit = 84 "invalid_split",
    InvalidSession = 85 "invalid_session",
    UnknownRules = 86 "unknown_rules",
    UnknownFormat = 87 "unknown_format",
    StaleEpoch = 88 "stale_epoch",
    OrdersFull = 90 "orders_full",
    AccountsFull = 91 "accounts_full",
    /// The previous command is unfinished: only `Continue` is allowed. matchd's own error; callers never
    /// see it.
    ContinueExpected = 93 "continue_expected",
    NothingToContinue = 94 "nothing_to_continue",
});
impl Refusal {
    /// Does the reason follow from the command and the definition of its instrument alone? The first result of such
    /// a refusal is kept under its request key. Every other one may pass, so the same request may be tried again.
    pub const fn is_lasting(self) -> bool {
        use Refusal::*;
        matches!(
            self,
            CurrencyMismatch
                | QuantityOutOfRange
                | QuantityNotOnLot
                | PriceOutOfRange
                | PriceNotOnTick
                | LimitPriceRequired
                | LimitPriceNotAllowed
                | StopPriceRequired
                | StopPriceNotAllowed
                | TrailRequired
                | TrailNotAllowed
                | DisplayQuantityNotAllowed
                | PostOnlyNotAllowed
                | TimeInForceNotAllowed
                | ExpiryInThePast
                | InvalidLegs
                | NothingToReplace
                | AmountOutOfRange
        )
    }
}
names!(
/// State of an order.
OrderStatus {
    /// A leg that waits until its entry is done.
    Held = 1 "held",
    /// A stop that waits for its stop price.
    Pending = 2 "pending",
    /// In the book, or about to match.
    New = 3 "new",
    PartiallyFilled = 4 "partially_filled",
    Filled = 5 "filled",
    Canceled = 6 "canceled",
    Expired = 7 "expired",
    Rejected = 8 "rejected",
});
names!(
/// Why an open order ended before it was filled completely.
CloseReason {
    ByUser = 1 "by_user",
    CancelAll = 2 "cancel_all",
    AccountReset = 3 "account_reset",
    ImmediateOrCancel = 4 "immediate_or_cancel",
    FillOrKill = 5 "fill_or_kill",
    /// A market order found no (further) liquidity.
    NoLiquidity = 6 "no_liquidity",
    /// A market order reached its collar price.
    Collar = 7 "collar",
    SelfTrade = 8 "self_trade",
    ReduceOnly = 9 "reduce_only",
    SiblingDone = 10 "sibling_done",
    ParentDone = 11 "parent_done",
    SessionClosed = 12 "session_closed",
    TimeReached = 13 "time_reached",
    Split = 14 "split",
    OutsideWithdrawn = 15 "outside_withdrawn",
    PostOnly = 16 "post_only",
    /// An ex-dividend price of the order would be below one tick.
    Dividend = 17 "dividend",
    /// The account's equity fell below its maintenance requirement.
    Liquidation = 18 "liquidation",
    /// The order would have traded beyond the band around the base price.
    PriceBand = 30 "price_band",
});
names!(
/// Why cash moved other than by a trade.
CashKind {
    Deposit = 1 "deposit",
    Withdrawal = 2 "withdrawal",
    Reset = 3 "reset",
    Dividend = 4 "dividend",
    CashInLieu = 5 "cash_in_lieu",
    /// The value of a position that the insurance account took over.
    Liquidation = 6 "liquidation",
    /// What a liquidated account owed, paid by the insurance account.
    Deficit = 7 "deficit",
});
names!(
/// Why a position moved other than by a trade.
PositionKind {
    Reset = 1 "reset",
    Split = 2 "split",
    Liquidation = 3 "liquidation",
});
