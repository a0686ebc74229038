//! The engine's vocabulary: what it is told ([`Command`]) and what it says ([`Event`], [`Outcome`]).
//!
//! Everything is an integer. At this border prices, quantities and money are *nanos*: 1e-9 of a
//! unit (`Price`, `Quantity`: `i64`; `Money`: `i128`). Inside, the book works in whole ticks and
//! lots of the instrument. Times are nanoseconds since the Unix epoch, given by the caller.
//! Strings that only people read (client order ids, trace ids) stay outside, in the `wire` crate's
//! envelope; the engine sees a [`Request`] key in their place.
//!
//! Over 500 lines because it is one vocabulary, read as a whole.

pub use crate::names::*;

/// 1 unit = 1e9 nanos.
pub const NANOS: i64 = 1_000_000_000;
/// Highest price the engine admits: 10 million currency units.
pub const MAX_PRICE: Price = 10_000_000 * NANOS;
/// Highest quantity of one order: a thousand million units.
pub const MAX_QUANTITY: Quantity = 1_000_000_000 * NANOS;
/// Largest position either way, open orders included: what the sums of the ledger are sized for.
pub const MAX_POSITION: Quantity = 4_000_000_000 * NANOS;
/// Highest amount of one deposit, withdrawal or reset.
pub const MAX_TRANSFER: Money = 1_000_000_000_000 * NANOS as Money;
/// A command emits at most this many events; the rest of its work follows in `Continue`.
pub const MAX_EVENTS_PER_COMMAND: usize = 1_000;

/// Price of one unit of the instrument, in nanos of its currency.
pub type Price = i64;
/// Quantity in nanos of a unit (1 share = 1e9).
pub type Quantity = i64;
/// Signed amount in nanos of a currency.
pub type Money = i128;
/// Nanoseconds since the Unix epoch.
pub type Timestamp = i64;
/// Counts the commands applied since the first of the journal, from 1.
pub type CommandSequence = u64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);
    };
}
id!(/// A UUID, big endian.
    AccountId);
id!(/// A UUIDv7 made by the door that took the order.
    OrderId);
id!(/// A UUID: a deposit, withdrawal or reset.
    TransferId);

/// Counterparty of deposits, resets, dividends and splits.
pub const WORLD: AccountId = AccountId(1);
/// Receives the fees.
pub const FEES: AccountId = AccountId(2);

/// Upper-case ASCII, at most 16 bytes, zero padded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub [u8; 16]);
/// ISO code, ASCII, zero padded (`USD`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(pub [u8; 8]);

/// Idempotency: same `key` and same `body` gives the first result, another body is refused.
/// Both are digests made by `wire` (key: account, verb and the client's own id; body: the command
/// without ids and times).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub key: u128,
    pub body: u128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// No borrowing, no short selling.
    Cash,
    /// Exposure up to `Limits::leverage_percent` of equity, long or short.
    Margin,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRole {
    Customer,
    /// Stands for an outside market: skips risk and self-trade checks, never the zero sum.
    House,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    Active,
    ReduceOnly,
    Suspended,
    Closed,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Buy,
    Sell,
}
impl Side {
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    Market,
    Limit,
    Stop,
    StopLimit,
    TrailingStop,
}
/// Auctions (OPG, CLS) are to become variants here; nothing else in the engine assumes their absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    Day,
    Gtc,
    Ioc,
    Fok,
    /// Good till the given time.
    Gtd(Timestamp),
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTradePrevention {
    CancelNewest,
    CancelOldest,
    CancelBoth,
    None,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trail {
    /// Distance in price nanos.
    Amount(Price),
    /// Distance in parts per million of the best price seen.
    Ppm(u32),
}

/// Limits of one account. `None` = no limit of that kind (bounds of the engine still hold).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub max_order_quantity: Option<Quantity>,
    pub max_order_notional: Option<Money>,
    /// Largest absolute position, open orders of that side included.
    pub max_position: Option<Quantity>,
    pub max_open_orders: u32,
    /// Orders and replaces admitted in one second of the sequenced clock.
    pub max_orders_per_second: u32,
    /// Loss since the session began, after which only reducing orders are admitted.
    pub max_daily_loss: Option<Money>,
    /// Gross exposure allowed, percent of equity. Cash accounts: 100.
    pub leverage_percent: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    pub symbol: Symbol,
    pub currency: Currency,
    /// Price step, nanos.
    pub tick: Price,
    /// Quantity step, nanos. `tick * lot` must be a multiple of 1e9, so that every notional is exact.
    pub lot: Quantity,
    /// A limit may not be more aggressive than the reference price by more than this, ppm.
    pub band_ppm: u32,
    /// A market order trades no further from the reference price than this, ppm.
    pub collar_ppm: u32,
}

/// Exit legs. `Bracket`: both, held until the entry is done. `Oto`: one of them. `Oco`: both at
/// once and no entry of its own (the parent *is* the take-profit leg).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legs {
    pub take_profit: Option<TakeProfit>,
    pub stop_loss: Option<StopLoss>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakeProfit {
    pub order: OrderId,
    pub limit_price: Price,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopLoss {
    pub order: OrderId,
    pub stop_price: Price,
    /// `None`: a stop; `Some`: a stop-limit.
    pub limit_price: Option<Price>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderClass {
    Simple,
    Bracket(Legs),
    Oto(Legs),
    /// The order itself must be a limit (the take-profit); the stop loss is its sibling.
    Oco(StopLoss),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceOrder {
    pub account: AccountId,
    pub order: OrderId,
    pub symbol: Symbol,
    pub side: Side,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub quantity: Quantity,
    pub limit_price: Option<Price>,
    pub stop_price: Option<Price>,
    pub trail: Option<Trail>,
    /// Iceberg: the part shown.
    pub display_quantity: Option<Quantity>,
    pub post_only: bool,
    pub reduce_only: bool,
    pub self_trade_prevention: SelfTradePrevention,
    pub class: OrderClass,
    pub request: Option<Request>,
}

/// What changes; `None` stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplaceOrder {
    pub account: AccountId,
    pub order: OrderId,
    /// New total quantity, the filled part included.
    pub quantity: Option<Quantity>,
    pub limit_price: Option<Price>,
    pub stop_price: Option<Price>,
    pub trail: Option<Trail>,
    pub request: Option<Request>,
}

/// One side of an outside quote; quantity 0 = nobody there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutsideSide {
    pub price: Price,
    pub quantity: Quantity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    // Written by matchd itself.
    EngineStarted {
        epoch: u64,
    },
    AdvanceTime,
    Continue,
    SetRules {
        version: u32,
    },
    EnableFormat {
        format: u16,
    },
    // Operators.
    DefineInstrument(Instrument),
    DefineFeed {
        feed: u32,
        house: AccountId,
        silence_ns: i64,
    },
    /// Parts per million of the notional, rounded toward zero to the cent; a negative maker fee is a rebate.
    SetFees {
        maker_ppm: i32,
        taker_ppm: i32,
    },
    /// Begins a session; `closes_at: None` = open until the next `SetSession`.
    SetSession {
        session: u64,
        closes_at: Option<Timestamp>,
    },
    Halt {
        symbol: Symbol,
    },
    Resume {
        symbol: Symbol,
    },
    Split {
        symbol: Symbol,
        numerator: u32,
        denominator: u32,
    },
    /// Per unit held, in nanos.
    Dividend {
        symbol: Symbol,
        amount: Money,
    },
    // Accounts.
    OpenAccount {
        account: AccountId,
        kind: AccountKind,
        role: AccountRole,
        currency: Currency,
    },
    Deposit {
        account: AccountId,
        transfer: TransferId,
        amount: Money,
        request: Option<Request>,
    },
    Withdraw {
        account: AccountId,
        transfer: TransferId,
        amount: Money,
        request: Option<Request>,
    },
    /// Cancels all orders, drops all positions, leaves `cash`.
    ResetAccount {
        account: AccountId,
        transfer: TransferId,
        cash: Money,
        request: Option<Request>,
    },
    SetLimits {
        account: AccountId,
        limits: Limits,
    },
    SetAccountState {
        account: AccountId,
        state: AccountState,
    },
    // Orders.
    PlaceOrder(PlaceOrder),
    ReplaceOrder(ReplaceOrder),
    CancelOrder {
        account: AccountId,
        order: OrderId,
        request: Option<Request>,
    },
    CancelAll {
        account: AccountId,
        symbol: Option<Symbol>,
        request: Option<Request>,
    },
    // The outside market. `source_sequence` rises per (feed, symbol); what does not rise is dropped.
    OutsideQuote {
        feed: u32,
        source_sequence: u64,
        symbol: Symbol,
        bid: OutsideSide,
        ask: OutsideSide,
    },
    OutsideTrade {
        feed: u32,
        source_sequence: u64,
        symbol: Symbol,
        price: Price,
        quantity: Quantity,
    },
}

/// One side of a trade, with what it left behind: enough to project without looking anything up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    pub order: OrderId,
    pub account: AccountId,
    pub fee: Money,
    /// Order: total filled, what is left, and Σ price × quantity so far.
    pub filled: Quantity,
    pub leaves: Quantity,
    pub filled_notional: Money,
    /// Account, after this fill and its fee.
    pub cash: Money,
    /// Position after this fill: signed quantity, signed cost, and what this fill realised (fees apart).
    pub position: Quantity,
    pub cost: Money,
    pub realized: Money,
}

/// What an order is, when it is accepted (legs are orders of their own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub order: OrderId,
    pub account: AccountId,
    pub symbol: Symbol,
    pub side: Side,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub quantity: Quantity,
    pub limit_price: Option<Price>,
    pub stop_price: Option<Price>,
    pub trail: Option<Trail>,
    pub display_quantity: Option<Quantity>,
    pub post_only: bool,
    pub reduce_only: bool,
    pub self_trade_prevention: SelfTradePrevention,
    /// Entry of a bracket/OTO, or the take-profit of an OCO.
    pub parent: Option<OrderId>,
    /// `Held`, `Pending` or `New`.
    pub status: OrderStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    EngineStarted {
        epoch: u64,
    },
    RulesSet {
        version: u32,
    },
    FormatEnabled {
        format: u16,
    },
    InstrumentDefined(Instrument),
    FeedDefined {
        feed: u32,
        house: AccountId,
        silence_ns: i64,
    },
    FeesSet {
        maker_ppm: i32,
        taker_ppm: i32,
    },
    SessionSet {
        session: u64,
        closes_at: Option<Timestamp>,
    },
    SessionClosed {
        session: u64,
    },
    Halted {
        symbol: Symbol,
    },
    Resumed {
        symbol: Symbol,
    },
    SplitApplied {
        symbol: Symbol,
        numerator: u32,
        denominator: u32,
    },
    AccountOpened {
        account: AccountId,
        kind: AccountKind,
        role: AccountRole,
        currency: Currency,
    },
    LimitsSet {
        account: AccountId,
        limits: Limits,
    },
    AccountStateSet {
        account: AccountId,
        state: AccountState,
    },
    /// `amount` signed; `cash` after. `transfer` is 0 for dividends and cash in lieu.
    CashMoved {
        account: AccountId,
        transfer: TransferId,
        kind: CashKind,
        amount: Money,
        cash: Money,
    },
    PositionMoved {
        account: AccountId,
        symbol: Symbol,
        kind: PositionKind,
        position: Quantity,
        cost: Money,
    },
    /// The command changed nothing.
    Refused {
        reason: Refusal,
    },
    OrderAccepted(Accepted),
    /// A leg left `Held` (its quantity is the entry's filled quantity), or a stop was triggered.
    OrderActivated {
        order: OrderId,
        account: AccountId,
        status: OrderStatus,
        quantity: Quantity,
    },
    /// A trailing stop followed the price, or a sibling's fill made this order smaller.
    OrderAdjusted {
        order: OrderId,
        account: AccountId,
        quantity: Quantity,
        stop_price: Option<Price>,
    },
    OrderReplaced {
        order: OrderId,
        account: AccountId,
        quantity: Quantity,
        limit_price: Option<Price>,
        stop_price: Option<Price>,
        trail: Option<Trail>,
    },
    /// `Canceled` or `Expired`. (A full fill is told by the trade: leaves 0.)
    OrderClosed {
        order: OrderId,
        account: AccountId,
        status: OrderStatus,
        reason: CloseReason,
    },
    /// `aggressor`: side of the taker. Trade ids count from 1.
    TradeExecuted {
        trade: u64,
        symbol: Symbol,
        price: Price,
        quantity: Quantity,
        aggressor: Side,
        maker: Fill,
        taker: Fill,
    },
    /// A print of the outside market, not a trade here.
    OutsideTraded {
        feed: u32,
        symbol: Symbol,
        price: Price,
        quantity: Quantity,
    },
    FeedWithdrawn {
        feed: u32,
    },
    /// Visible total of a price level after the command; quantity 0 = gone. Last events of a command,
    /// at most one per level, in the order the levels were first touched.
    LevelChanged {
        symbol: Symbol,
        side: Side,
        price: Price,
        quantity: Quantity,
        orders: u32,
    },
}

/// Where an order stands, as told to whoever sent the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderSummary {
    pub order: OrderId,
    pub status: OrderStatus,
    pub reason: Option<CloseReason>,
    pub quantity: Quantity,
    pub filled: Quantity,
    pub filled_notional: Money,
}

/// What the sender of a command is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Applied. `order` for place, replace and cancel; as it stood when the command (with all its
    /// `Continue`s) was done. `affected`: orders cancelled by `CancelAll`.
    Done {
        order: Option<OrderSummary>,
        affected: u32,
    },
    Refused(Refusal),
    /// The same request came before: its first result, and when it was.
    Repeated {
        first: FirstResult,
    },
}

/// Kept for 24 h after the end of the order (or of the command, where it was no order).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstResult {
    pub sequence: CommandSequence,
    pub at: Timestamp,
    pub order: Option<OrderSummary>,
    pub affected: u32,
    pub refusal: Option<Refusal>,
}
