//! The matching engine: a pure, deterministic and bounded function from commands to events.
//!
//! [`Engine::apply`] takes a sequence number, a time and a command. It changes the state, appends events
//! and returns an [`Outcome`]. The rules are in `RULES.md`; rule numbers in this crate (`R4.2`) refer to
//! it. `cift-sim` compares this engine with a second, naive implementation of the same rules.
//!
//! # Determinism
//! The same commands give the same events and the same snapshot bytes on every machine. Therefore the crate
//! uses no clock, no randomness, no floats, no I/O and no iteration over a hash table. The only hash table
//! (`index.rs`) has a fixed hash function and is never iterated. `tests/determinism.rs` checks this.
//!
//! # Layout
//! | module | contents |
//! |---|---|
//! | `types`, `names` | commands, events, outcomes; named codes such as refusal reasons |
//! | `engine` | the state, `apply`, the idempotency check |
//! | `work` | a command as units of work; `Continue` |
//! | `commands` | dispatch of a command to its function |
//! | `shape`, `risk`, `place`, `replace` | the checks in their order; acceptance |
//! | `matching`, `fill_or_kill`, `stops`, `groups` | matching passes, triggers, legs and siblings |
//! | `outside` | feeds, outside quotes and prints |
//! | `session`, `corporate`, `accounts` | deadlines and sessions; splits and dividends; accounts and cash |
//! | `ledger`, `money`, `currencies` | double-entry postings; exact arithmetic; smallest units |
//! | `book`, `ladder`, `levels`, `page`, `orders`, `index`, `market`, `requests` | the data structures |
//! | `snapshot`, `restore`, `codec`, `audit`, `query` | state as bytes; the full consistency check; read-only queries |
//!
//! # Ordering
//! Orders match by price, then by time at that price. Where several orders, accounts or instruments are
//! processed, the order is always one of: acceptance, instrument definition, account opening, feed
//! definition. Slot numbers, capacities and hash order never influence an event.
//!
//! # Bounds
//! 4,096 instruments, 2^20 accounts, 2^21 open orders, 4,194,304 request keys, 16 feeds, 64 currencies and
//! 256 symbols per account. The checks bound every amount, so that no sum can overflow.
//!
//! # Cost
//! A command costs O(1), plus the work that it causes (trades, triggers, sweeps), plus one step per
//! position of a margin account when its equity is needed. After the pools have reached their largest size,
//! commands allocate no memory; [`Engine::warm_up`] and [`Engine::warm_up_book`] fill the pools in advance.
//! Exceptions that still allocate: good-till-date orders (a tree), and the first use of a price range, a
//! position or a stop.
//!
//! # Known limits
//! - `SetSession`, the close of a session and a split scan all accounts or all orders within one command.
//!   `Continue` splits their events, not the scan.
//! - A snapshot needs a finished state: it is not possible while [`Engine::needs_continue`].
//! - Fill-or-kill counts only quantity that is certain to be available. It can therefore kill an order that
//!   would have been filled (`fill_or_kill.rs`).
#![forbid(unsafe_code)]

mod accounts;
mod audit;
mod bands;
pub mod book;
mod codec;
mod commands;
mod corporate;
mod currencies;
mod engine;
mod fill_or_kill;
mod groups;
mod index;
mod ladder;
mod ledger;
mod levels;
mod margin;
mod market;
mod matching;
mod money;
mod names;
mod orders;
mod outside;
mod page;
mod place;
mod query;
mod replace;
mod requests;
mod rescale;
mod restore;
mod risk;
mod session;
mod shape;
mod snapshot;
mod stops;
pub mod types;
mod work;

pub use engine::Engine;
pub use requests::{MAX_REQUESTS, MAX_REQUESTS_PER_ACCOUNT};
pub use types::*;

/// Buffer for the events of a command. Callers reuse it, so that a command allocates nothing.
pub type Events = Vec<Event>;

/// Best prices and the last print of one instrument. `bid` and `ask` are (price, shown quantity).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    pub bid: Option<(Price, Quantity)>,
    pub ask: Option<(Price, Quantity)>,
    /// (price, quantity, time) of the last print.
    pub last: Option<(Price, Quantity, Timestamp)>,
    pub halted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub price: Price,
    pub quantity: Quantity,
    pub orders: u32,
}

/// The parts of an open order that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderState {
    pub order: OrderId,
    pub account: AccountId,
    pub status: OrderStatus,
    pub quantity: Quantity,
    pub filled: Quantity,
    pub filled_notional: Money,
    pub limit_price: Option<Price>,
    pub stop_price: Option<Price>,
    pub trail: Option<Trail>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionView {
    pub symbol: Symbol,
    pub quantity: Quantity,
    pub cost: Money,
    pub mark: Option<Price>,
    pub open_buys: Quantity,
    pub open_sells: Quantity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    pub account: AccountId,
    pub kind: AccountKind,
    pub role: AccountRole,
    pub state: AccountState,
    pub currency: Currency,
    pub cash: Money,
    pub reserved: Money,
    pub equity: Money,
    pub gross: Money,
    pub buying_power: Money,
    pub withdrawable: Money,
    pub daily_loss_baseline: Money,
    pub open_orders: u32,
    /// What the equity must not fall below (R13.4). 0: the account is not liquidated.
    pub maintenance: Money,
    pub limits: Limits,
}

/// A feed of the outside market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedView {
    pub feed: u32,
    /// The feed's quotes are withdrawn after this time without a message.
    pub silence_ns: i64,
    /// Time of the last accepted message. `None`: no message since the definition or the last withdrawal.
    pub last_message_at: Option<Timestamp>,
}

/// What an order would need if it were placed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskView {
    pub reserve: Money,
    pub reserve_price: Price,
    pub buying_power: Money,
    pub reference: Option<Price>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreError(pub &'static str);
