//! The matching engine: pure, deterministic, bounded.
//!
//! `apply(seq, ts, command)` is the only way in. No clock, randomness, float, I/O or iteration over a
//! hash map: the same commands give the same events and the same snapshot bytes, everywhere. The one
//! hash table (`index.rs`) has a fixed hash and is never iterated. `tests/determinism.rs` proves it.
//! The rules are in `RULES.md`; `cift-sim` holds them against a naive second implementation.
//!
//! # Where things are
//! | file | what |
//! |---|---|
//! | `types`, `names` | commands, events, refusals: the words |
//! | `engine` | the state, `apply`, idempotency |
//! | `work` | a command as units of work; `Continue` |
//! | `commands` | each command to its place |
//! | `shape`, `risk`, `place`, `replace` | checks in their order; acceptance |
//! | `matching`, `fill_or_kill`, `stops`, `groups` | passes, triggers, legs |
//! | `outside` | feeds, quotes, prints |
//! | `session`, `corporate`, `accounts` | time, splits, cash |
//! | `ledger`, `money` | double entry, exact arithmetic |
//! | `book`, `ladder`, `orders`, `index`, `market`, `requests` | the structures |
//! | `snapshot`, `codec`, `audit`, `query` | bytes, the full check, questions |
//!
//! Bounds: 4,096 instruments, 2^20 accounts, 2^21 open orders, 4,194,304 request keys, 16 feeds, 64
//! currencies, 256 symbols an account. Amounts are bounded at admission so that no sum can overflow.
//!
//! Cost: a command is O(1) but for what it does (trades, triggers, sweeps) and the positions of a
//! margin account, whose equity is asked. Nothing is allocated once the pools have reached their high
//! water ([`Engine::warm_up`] and [`Engine::warm_up_book`] fill them beforehand), except for good-till-time orders (a tree) and
//! prices, positions and stops where there never were any.
//!
//! Known limits: `SetSession`, the close of a session and a split look at every account or order in
//! one command (their events are cut into `Continue`s, the look is not). A snapshot is of a finished
//! state: not while [`Engine::needs_continue`]. Fill-or-kill counts only what is sure to be there, so
//! it may be killed though luck would have filled it (`fill_or_kill.rs`).
#![forbid(unsafe_code)]

mod accounts;
mod audit;
pub mod book;
mod codec;
mod commands;
mod corporate;
mod engine;
mod fill_or_kill;
mod groups;
mod index;
mod ladder;
mod ledger;
mod market;
mod matching;
mod money;
mod names;
mod orders;
mod outside;
mod place;
mod query;
mod replace;
mod requests;
mod risk;
mod session;
mod shape;
mod snapshot;
mod stops;
pub mod types;
mod work;

pub use engine::Engine;
pub use types::*;

/// Where a command's events are put. Reused between commands, so that nothing is allocated.
pub type Events = Vec<Event>;

/// Best prices and the last print of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    pub bid: Option<(Price, Quantity)>,
    pub ask: Option<(Price, Quantity)>,
    /// Price, quantity and time of the last print.
    pub last: Option<(Price, Quantity, Timestamp)>,
    pub halted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub price: Price,
    pub quantity: Quantity,
    pub orders: u32,
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
    pub limits: Limits,
}

/// A feed of the outside market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedView {
    pub feed: u32,
    /// After so much silence its quotes are withdrawn.
    pub silence_ns: i64,
    /// Last sign of life; `None`: silent, its quotes are withdrawn (or it was never heard).
    pub last_message_at: Option<Timestamp>,
}

/// What a placed order would need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskView {
    pub reserve: Money,
    pub reserve_price: Price,
    pub buying_power: Money,
    pub reference: Option<Price>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreError(pub &'static str);
