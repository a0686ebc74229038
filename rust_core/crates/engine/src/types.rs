//! The engine's data types: its input ([`Command`]) and its output ([`Event`], [`Outcome`]).
//!
//! Every number is an integer. In these types prices, quantities and money are in *nanos*, 1e-9 of a unit
//! (`Price` and `Quantity` are `i64`, `Money` is `i128`). Inside the engine the book works in whole ticks
//! and lots of the instrument. Times are nanoseconds since the Unix epoch; the caller supplies them.
//!
//! Strings that only people read (client order ids, trace ids) are not part of these types. They are in the
//! envelope of the `wire` crate; the engine sees a [`Request`] key instead.
//!
//! Over 500 lines because it defines one set of types that is read as a whole.

pub use crate::names::*;

/// One unit is 1e9 nanos.
pub const NANOS: i64 = 1_000_000_000;
/// Highest price: 10 million currency units.
pub const MAX_PRICE: Price = 10_000_000 * NANOS;
/// Highest quantity of one order: 1,000 million units.
pub const MAX_QUANTITY: Quantity = 1_000_000_000 * NANOS;
/// Largest position, long or short, open orders included. The sums of the ledger are sized for it.
pub const MAX_POSITION: Quantity = 4_000_000_000 * NANOS;
/// Highest amount of one deposit, withdrawal or reset.
pub const MAX_TRANSFER: Money = 1_000_000_000_000 * NANOS as Money;
/// Most events that one command emits. `Continue` commands do the rest of its work.
pub const MAX_EVENTS_PER_COMMAND: usize = 1_000;
/// Symbols in which one account may have positions or orders.
pub const MAX_SYMBOLS_PER_ACCOUNT: usize = 256;
/// Limits of a new account (R3.6).
pub const DEFAULT_MAX_OPEN_ORDERS: u32 = 500;
pub const DEFAULT_MAX_ORDERS_PER_SECOND: u32 = 500;
pub const CASH_LEVERAGE_PERCENT: u32 = 100;
pub const DEFAULT_MARGIN_LEVERAGE_PERCENT: u32 = 200;
/// Highest values of an account's limits (R3.7).
pub const MAX_OPEN_ORDERS_PER_ACCOUNT: u32 = 10_000;
pub const MAX_ORDERS_PER_SECOND: u32 = 1_000_000;
pub const MAX_LEVERAGE_PERCENT: u32 = 1_000;
/// How long a request key is remembered after the end of its order, or of its command where it placed none.
pub const REQUEST_RETENTION_NS: i64 = 24 * 3_600 * NANOS;
/// The quotes of a feed are withdrawn after this silence, unless `DefineFeed` gives another.
pub const DEFAULT_SILENCE_NS: i64 = 5 * NANOS;

/// Price of one unit of the instrument, in nanos of its currency.
pub type Price = i64;
/// Quantity in nanos of a unit (1 share = 1e9).
pub type Quantity = i64;
/// Signed amount in nanos of a currency.
pub type Money = i128;
/// Nanoseconds since the Unix epoch.
pub type Timestamp = i64;
/// Number of a command, counted from 1 at the first command of the journal.
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
id!(/// A UUIDv7 made by the function that received the order.
    OrderId);
id!(/// A UUID: a deposit, withdrawal or reset.
    TransferId);

/// Counterparty of deposits, resets, dividends and splits.
pub const WORLD: AccountId = AccountId(1);
/// Account that receives the fees.
pub const FEES: AccountId = AccountId(2);

/// Upper-case ASCII, at most 16 bytes, padded with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub [u8; 16]);
/// ISO currency code in ASCII, padded with zeros (`USD`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(pub [u8; 8]);

/// Idempotency of a command. The same `key` with the same `body` returns the first result; another `body`
/// is refused. Both are digests made by `wire`: `key` of the account, the verb and the client's own id,
/// `body` of the command without ids and times.
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
    /// Represents an outside market. It skips risk and self-trade checks, but its postings sum to zero too.
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
/// Auction orders (OPG, CLS) can become variants here; no other code assumes that they are absent.
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
    /// Distance as a price, in nanos.
    Amount(Price),
    /// Distance in parts per million of the best price seen.
    Ppm(u32),
}

/// Limits of one account. `None`: no limit of that kind; the engine's own bounds still apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub max_order_quantity: Option<Quantity>,
    pub max_order_notional: Option<Money>,
    /// Largest absolute position, including the open orders of that side.
    pub max_position: Option<Quantity>,
    pub max_open_orders: u32,
    /// Orders and replaces admitted per second of the journal's time.
    pub max_orders_per_second: u32,
    /// Loss since the session began from which on only reducing orders are admitted.
    pub max_daily_loss: Option<Money>,
    /// Highest gross exposure, in percent of equity. Cash accounts: 100.
    pub leverage_percent: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    pub symbol: Symbol,
    pub currency: Currency,
    /// Price step in nanos.
    pub tick: Price,
    /// Quantity step in nanos. `tick * lot` must be a multiple of 1e9, so that every notional is exact.
    pub lot: Quantity,
    /// Largest distance, in ppm, by which a limit price may be more aggressive than the reference price.
    pub band_ppm: u32,
    /// Largest distance, in ppm, from the reference price at which a market order trades.
    pub collar_ppm: u32,
}

/// Exit legs of an order. `Bracket` has both and holds them until the entry is done. `Oto` has one of them.
/// An `Oco` has no separate entry: the order itself is the take-profit, and both are active at once.
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
    /// `None`: a stop. `Some`: a stop-limit.
    pub limit_price: Option<Price>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderClass {
    Simple,
    Bracket(Legs),
    Oto(Legs),
    /// The order itself must be a limit order (the take-profit). The stop-loss is its sibling.
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
    /// Iceberg: the quantity shown.
    pub display_quantity: Option<Quantity>,
    pub post_only: bool,
    pub reduce_only: bool,
    pub self_trade_prevention: SelfTradePrevention,
    pub class: OrderClass,
    pub request: Option<Request>,
}

/// The fields to change. `None` leaves a field unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplaceOrder {
    pub account: AccountId,
    pub order: OrderId,
    /// New total quantity, including the filled part.
    pub quantity: Option<Quantity>,
    pub limit_price: Option<Price>,
    pub stop_price: Option<Price>,
    pub trail: Option<Trail>,
    pub request: Option<Request>,
}

/// One side of an outside quote. Quantity 0: no quote on this side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutsideSide {
    pub price: Price,
    pub quantity: Quantity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    // Commands that matchd writes itself.
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
    // Commands of administrators.
    DefineInstrument(Instrument),
    DefineFeed {
        feed: u32,
        house: AccountId,
        silence_ns: i64,
    },
    /// In parts per million of the notional (R1.12). A negative maker fee is a rebate.
    SetFees {
        maker_ppm: i32,
        taker_ppm: i32,
    },
    /// The maintenance margin of the currency of `insurance`, a house account, in percent of the initial one.
    SetMargin {
        insurance: AccountId,
        maintenance_percent: u32,
        interval_ns: i64,
    },
    /// Begins a session. `closes_at: None`: it is open until the next `SetSession`.
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
    /// Amount per unit held, in nanos.
    Dividend {
        symbol: Symbol,
        amount: Money,
    },
    // Commands about accounts.
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
    /// Cancels all orders, removes all positions, sets the cash to `cash`.
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
    // Commands about orders.
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
    // The outside market. `source_sequence` increases per (feed, symbol); a message that does not increase
    // it is refused.
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

/// One side of a trade with the resulting order, cash and position, so that a consumer needs no lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    pub order: OrderId,
    pub account: AccountId,
    pub fee: Money,
    /// Order: total filled quantity, quantity left, and Σ price × quantity so far.
    pub filled: Quantity,
    pub leaves: Quantity,
    pub filled_notional: Money,
    /// Cash of the account after this fill and its fee.
    pub cash: Money,
    /// Position after this fill: signed quantity, signed cost, and the profit or loss that this fill
    /// realized (without fees).
    pub position: Quantity,
    pub cost: Money,
    pub realized: Money,
}

/// The order as it was accepted. Legs are orders of their own.
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
    /// The entry of a bracket or OTO, or the take-profit of an OCO.
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
    MarginSet {
        insurance: AccountId,
        maintenance_percent: u32,
        interval_ns: i64,
    },
    /// The account's equity is below its requirement: it is liquidated by the events that follow.
    MarginCalled {
        account: AccountId,
        equity: Money,
        requirement: Money,
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
    /// `amount` is signed, `cash` is the cash after it. `transfer` is 0 for dividends and cash in lieu.
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
    /// The command was refused. See R1.2 for the few things that a refused command can change.
    Refused {
        reason: Refusal,
    },
    OrderAccepted(Accepted),
    /// A leg is no longer `Held` (its quantity is what it can close of the entry's fills), or a stop was
    /// triggered.
    OrderActivated {
        order: OrderId,
        account: AccountId,
        status: OrderStatus,
        quantity: Quantity,
    },
    /// A trailing stop moved with the price, or a sibling's fill reduced this order.
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
    /// `Canceled` or `Expired`. A complete fill has no such event: its last trade has `leaves` 0.
    OrderClosed {
        order: OrderId,
        account: AccountId,
        status: OrderStatus,
        reason: CloseReason,
    },
    /// `aggressor` is the side of the taker. Trade ids count from 1.
    TradeExecuted {
        trade: u64,
        symbol: Symbol,
        price: Price,
        quantity: Quantity,
        aggressor: Side,
        maker: Fill,
        taker: Fill,
    },
    /// A print of the outside market. It is not a trade of this exchange.
    OutsideTraded {
        feed: u32,
        symbol: Symbol,
        price: Price,
        quantity: Quantity,
    },
    FeedWithdrawn {
        feed: u32,
    },
    /// Shown total of a price level after the command; quantity 0: the level is empty. These are the last
    /// events of a command, at most one per level, in the order in which the levels were first touched.
    LevelChanged {
        symbol: Symbol,
        side: Side,
        price: Price,
        quantity: Quantity,
        orders: u32,
    },
}

/// Current state of an order, as returned to the sender of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderSummary {
    pub order: OrderId,
    pub status: OrderStatus,
    pub reason: Option<CloseReason>,
    pub quantity: Quantity,
    pub filled: Quantity,
    pub filled_notional: Money,
}

/// Result of a command, as returned to its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Applied. `order` is set for place, replace and cancel: its state when the command with all its
    /// `Continue`s was done. `affected`: number of orders cancelled by `CancelAll`.
    Done {
        order: Option<OrderSummary>,
        affected: u32,
    },
    Refused(Refusal),
    /// The same request was applied before. `first` is its first result.
    Repeated {
        first: FirstResult,
    },
}

/// Kept for 24 h after the end of the placed order; for other commands, 24 h after the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstResult {
    pub sequence: CommandSequence,
    pub at: Timestamp,
    pub order: Option<OrderSummary>,
    pub affected: u32,
    pub refusal: Option<Refusal>,
}
