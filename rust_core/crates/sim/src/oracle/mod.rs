//! The oracle: a second, naive implementation of `RULES.md` that is compared with `cift-engine`.
//!
//! It was written from the rules, not from the engine. The two share only the types of
//! `cift_engine::types`. Every structure is the simplest one that can be right: ordered maps, vectors that
//! are searched from end to end, sums computed again whenever they are needed, all arithmetic in `i128`. It
//! keeps no running totals (reserves, open quantities, level sums). So a total that the engine forgets to
//! update cannot be wrong here in the same way.
//!
//! # Invariants
//! - `orders` holds exactly the open orders, keyed by acceptance rank.
//! - An order is in at most one of: a book side, the queue, pending, held.
//! - One call does all the work of one command. Where the engine splits a command into `Continue`s, the
//!   events of all its parts together equal the oracle's.
//!
//! # StoredResult limits
//! The oracle does not emit `LevelChanged`. The comparison checks its levels against the sum of the
//! engine's `LevelChanged` events. Cost: linear in the open orders of a book.

mod bands;
mod commands;
mod corporate;
mod groups;
mod keys;
pub mod ledger;
mod margin;
mod matching;
mod outside;
mod placing;
mod risk;

use cift_engine::types::*;
use risk::{highest, Terms};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) const NANO: i128 = NANOS as i128;
pub(crate) const MILLION: i128 = 1_000_000;
pub(crate) const DAY_NS: i64 = 86_400 * 1_000_000_000;
/// R4.13: an iceberg is at most this many times its display, because each refill is a trade.
pub(crate) const MAX_REFILLS: i128 = 1_000;
pub(crate) const KEYS_DROPPED_PER_COMMAND: usize = 8;

/// Acceptance rank of an order. It is never reused.
pub(crate) type Rank = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Held,
    Pending,
    /// Triggered or activated; it waits for its turn to match.
    Queued,
    /// A take-profit that became active in a halt or a closed market.
    Waiting,
    /// The taker of the current pass.
    Matching,
    Resting,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub rank: Rank,
    pub id: OrderId,
    pub account: usize,
    pub symbol: usize,
    pub side: Side,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub quantity: i128,
    pub filled: i128,
    pub filled_notional: i128,
    pub limit: Option<i128>,
    pub stop: Option<i128>,
    pub trail: Option<Trail>,
    /// Trailing stops: the best price seen.
    pub best: i128,
    pub display: Option<i128>,
    pub post_only: bool,
    pub reduce_only: bool,
    pub prevention: SelfTradePrevention,
    pub state: State,
    pub triggered: bool,
    /// When the order got its present stop price, and its present best price (values of `Oracle::clock`).
    pub stop_time: u64,
    pub best_time: u64,
    /// Open legs of this entry: take-profit, then stop-loss.
    pub legs: Vec<Rank>,
    /// The entry of this leg, while both are open.
    pub parent: Option<Rank>,
    /// The other order of an active pair.
    pub sibling: Option<Rank>,
    /// How much worse than the reference price at admission a fill can be (R4.43).
    pub adverse: i128,
    pub reserve_price: i128,
    /// The fee schedule at admission: maker, taker.
    pub fees: (i128, i128),
    /// Fees due so far, exact, in 1e-6 nanos.
    pub fees_due: i128,
    pub key: Option<u128>,
}

impl Order {
    pub fn leaves(&self) -> i128 {
        self.quantity - self.filled
    }
    /// R4.52: is the order part of open quantities, reserves and reduce-only totals?
    pub fn counts(&self) -> bool {
        match self.state {
            State::Held => false,
            State::Pending => self.sibling.is_none(),
            _ => true,
        }
    }
    pub fn status(&self) -> OrderStatus {
        match self.state {
            State::Held => OrderStatus::Held,
            State::Pending => OrderStatus::Pending,
            _ if self.filled > 0 => OrderStatus::PartiallyFilled,
            _ => OrderStatus::New,
        }
    }
    pub fn summary(&self, status: OrderStatus, reason: Option<CloseReason>) -> OrderSummary {
        OrderSummary {
            order: self.id,
            status,
            reason,
            quantity: narrow(self.quantity),
            filled: narrow(self.filled),
            filled_notional: self.filled_notional,
        }
    }
    /// R4.53: exposure and cover of the remainder. Reduce-only orders have none.
    pub fn needs(&self, leverage: i128, unit: i128) -> (i128, i128) {
        if !self.counts() || self.reduce_only {
            return (0, 0);
        }
        let of = Terms {
            price: self.reserve_price,
            adverse: self.adverse,
            ppm: highest(self.fees),
            fees_due: self.fees_due,
            unit,
        };
        of.needs(self.side, self.leaves(), leverage)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    User(Rank),
    /// A chunk of an outside quote.
    Outside {
        /// Index of the feed.
        feed: usize,
        left: i128,
    },
}

/// An entry of a book's queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub arrival: u64,
    pub price: i128,
    pub shown: i128,
    pub owner: Owner,
}

#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub spec: Instrument,
    pub last: Option<(i128, i128, Timestamp)>,
    /// The base price, the period of the last print or pass, and the prints of the last periods (§12).
    pub base: Option<i128>,
    pub period: Option<i64>,
    pub prints: Vec<(Timestamp, i128, i128)>,
    /// The exact price after a split or a dividend, less the last price on the tick (R9.3).
    pub beyond: i128,
    pub halted: bool,
    /// In no particular order: the best entry is searched.
    pub bids: Vec<Slot>,
    pub asks: Vec<Slot>,
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub id: AccountId,
    pub kind: AccountKind,
    pub role: AccountRole,
    pub currency: Currency,
    pub state: AccountState,
    pub limits: Limits,
    pub cash: i128,
    pub baseline: i128,
    /// By instrument: signed quantity and cost. No entry: no position.
    pub positions: BTreeMap<usize, (i128, i128)>,
    pub rate: (i64, u32),
    pub orders: BTreeSet<Rank>,
}

/// A feed with its latest messages.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub number: u32,
    pub house_account: usize,
    pub silence_ns: i64,
    pub last_message_at: Option<Timestamp>,
    pub sequences: BTreeMap<usize, u64>,
    /// (instrument, is buy) → price of the side's last quote. Absent: not quoted yet, or withdrawn.
    pub quoted: BTreeMap<(usize, bool), i128>,
}

#[derive(Clone, Debug)]
pub(crate) struct StoredResult {
    pub body: u128,
    pub first: FirstResult,
    pub account: usize,
    pub expires: Option<(Timestamp, u64)>,
}

/// Prices printed while one taker matched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pass {
    pub range: Option<(i128, i128)>,
}

impl Pass {
    pub fn print(&mut self, price: i128) {
        self.range = Some(match self.range {
            None => (price, price),
            Some((low, high)) => (low.min(price), high.max(price)),
        });
    }
}

#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub(crate) now: Timestamp,
    pub(crate) epoch: u64,
    pub(crate) maker_ppm: i128,
    pub(crate) taker_ppm: i128,
    pub(crate) session: Option<u64>,
    pub(crate) closed: bool,
    pub(crate) closes_at: Option<Timestamp>,
    pub(crate) margin: BTreeMap<Currency, margin::Terms>,
    /// The currencies of `margin`, in the order in which they got their terms.
    pub(crate) margin_order: Vec<Currency>,
    pub(crate) margin_check_at: Option<Timestamp>,
    pub(crate) books: Vec<Book>,
    pub(crate) accounts: Vec<Account>,
    /// Cash of `FEES` and `WORLD`, by currency.
    pub(crate) fees: BTreeMap<Currency, i128>,
    pub(crate) world: BTreeMap<Currency, i128>,
    pub(crate) world_positions: BTreeMap<usize, i128>,
    /// In order of definition.
    pub(crate) feeds: Vec<Feed>,
    pub(crate) orders: BTreeMap<Rank, Order>,
    pub(crate) ids: BTreeMap<OrderId, Rank>,
    pub(crate) queue: VecDeque<Rank>,
    pub(crate) keys: BTreeMap<u128, StoredResult>,
    pub(crate) ranks: Rank,
    /// Ids of all transfers.
    pub(crate) transfers: BTreeSet<TransferId>,
    pub(crate) arrivals: u64,
    pub(crate) clock: u64,
    /// Take-profits that wait for trading, in the order in which they became active.
    pub(crate) waiting: Vec<Rank>,
    pub(crate) expiry_count: u64,
    pub(crate) trades: u64,
    pub(crate) events: Vec<Event>,
    /// Orders that ended during this command.
    pub(crate) ended: BTreeMap<Rank, OrderSummary>,
    pub(crate) closed_count: u32,
    pub(crate) dropped: Vec<u128>,
    /// The account that sent this command.
    pub(crate) sender: Option<usize>,
    /// The command stored a key or recorded the message of a feed.
    pub(crate) recorded: bool,
    /// R11.6: keys of one account; 0 stands for the engine's own bound.
    pub(crate) keys_per_account: usize,
}

/// Converts to the width of the public types. The rules bound every value that is converted.
pub(crate) fn narrow(value: i128) -> i64 {
    i64::try_from(value).expect("a price or quantity exceeds the bounds of the rules")
}
pub(crate) fn narrow_option(value: Option<i128>) -> Option<i64> {
    value.map(narrow)
}
pub(crate) fn notional(price: i128, quantity: i128) -> i128 {
    let product = price * quantity;
    assert_eq!(product % NANO, 0, "the notional {product} / 1e9 is not exact");
    product / NANO
}
pub(crate) fn round_up(value: i128, step: i128) -> i128 {
    (value + step - 1).div_euclid(step) * step
}
pub(crate) fn round_down(value: i128, step: i128) -> i128 {
    value.div_euclid(step) * step
}
/// Ceiling of a division.
pub(crate) fn divide_up(value: i128, by: i128) -> i128 {
    -((-value).div_euclid(by))
}
/// `value * by / over` toward zero, for products of any width: schoolbook, bit by bit.
pub(crate) fn proportion(value: i128, by: i128, over: i128) -> i128 {
    let sign = value.signum() * by.signum() * over.signum();
    let (value, by, over) = (value.abs(), by.abs(), over.abs());
    let (mut quotient, mut rest) = (0i128, 0i128);
    for bit in (0..127).rev().map(|i| by >> i & 1) {
        quotient = 2 * quotient + bit * (value / over);
        rest = 2 * rest + bit * (value % over);
        quotient += rest / over;
        rest %= over;
    }
    sign * quotient
}
pub(crate) fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

impl Oracle {
    pub fn new() -> Oracle {
        Oracle::default()
    }

    /// Applies one whole command (the engine's command and its `Continue`s).
    pub fn apply(&mut self, sequence: CommandSequence, ts: Timestamp, command: &Command) -> (Vec<Event>, Outcome) {
        self.now = ts;
        self.events.clear();
        self.ended.clear();
        self.dropped.clear();
        self.closed_count = 0;
        self.sender = None;
        self.recorded = false;
        let outcome = if let Command::Continue = command {
            self.refuse(Refusal::NothingToContinue)
        } else {
            self.do_what_is_due();
            let outcome = self.execute(sequence, command);
            let refused = matches!(outcome, Outcome::Refused(_)) && self.events.len() == 1;
            let repeated = matches!(outcome, Outcome::Repeated { .. }) && self.events.is_empty();
            if self.recorded || !(refused || repeated) {
                self.count_rate();
                self.drop_expired_keys();
            }
            outcome
        };
        assert!(self.queue.is_empty());
        self.assert_zero_sum();
        (std::mem::take(&mut self.events), outcome)
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
    pub(crate) fn refuse(&mut self, reason: Refusal) -> Outcome {
        self.emit(Event::Refused { reason });
        Outcome::Refused(reason)
    }

    /// §8: does the work that is due: `Gtd` orders, the session's close, silent feeds.
    fn do_what_is_due(&mut self) {
        loop {
            let due = self
                .orders
                .values()
                .filter_map(|o| match o.time_in_force {
                    TimeInForce::Gtd(at) if at <= self.now => Some((at, o.rank)),
                    _ => None,
                })
                .min();
            match due {
                Some((_, rank)) => {
                    self.sweep(&[rank], OrderStatus::Expired, CloseReason::TimeReached);
                    self.drain();
                }
                None => break,
            }
        }
        if self.closes_at.is_some_and(|at| at <= self.now) {
            self.close_market();
        }
        for feed in 0..self.feeds.len() {
            let f = &self.feeds[feed];
            if f.last_message_at
                .is_some_and(|life| life.saturating_add(f.silence_ns) <= self.now)
            {
                self.withdraw_feed(feed);
                self.feeds[feed].last_message_at = None;
                let feed = self.feeds[feed].number;
                self.emit(Event::FeedWithdrawn { feed });
            }
        }
        self.check_margin_if_due();
    }

    pub(crate) fn close_market(&mut self) {
        self.closes_at = None;
        self.closed = true;
        let day: Vec<Rank> = self
            .orders
            .values()
            .filter(|o| o.time_in_force == TimeInForce::Day)
            .map(|o| o.rank)
            .collect();
        self.sweep(&day, OrderStatus::Expired, CloseReason::SessionClosed);
        for feed in 0..self.feeds.len() {
            self.withdraw_feed(feed);
        }
        if let Some(session) = self.session {
            self.emit(Event::SessionClosed { session });
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        let gtd = self.orders.values().filter_map(|o| match o.time_in_force {
            TimeInForce::Gtd(at) => Some(at),
            _ => None,
        });
        let silent = self
            .feeds
            .iter()
            .filter_map(|f| Some(f.last_message_at?.saturating_add(f.silence_ns)));
        gtd.chain(silent)
            .chain(self.closes_at)
            .chain(self.margin_check_at)
            .min()
    }

    /// The next value of the clock that orders arrivals at a stop price or best price.
    pub(crate) fn next_time(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
    pub(crate) fn book_of(&self, symbol: Symbol) -> Option<usize> {
        self.books.iter().position(|b| b.spec.symbol == symbol)
    }
    pub(crate) fn account_of(&self, account: AccountId) -> Option<usize> {
        self.accounts.iter().position(|a| a.id == account)
    }
    pub(crate) fn side(&self, book: usize, side: Side) -> &Vec<Slot> {
        match side {
            Side::Buy => &self.books[book].bids,
            Side::Sell => &self.books[book].asks,
        }
    }
    pub(crate) fn side_mut(&mut self, book: usize, side: Side) -> &mut Vec<Slot> {
        match side {
            Side::Buy => &mut self.books[book].bids,
            Side::Sell => &mut self.books[book].asks,
        }
    }
    /// Index of the queue entry that trades next.
    pub(crate) fn best(&self, book: usize, side: Side) -> Option<usize> {
        let slots = self.side(book, side);
        (0..slots.len()).min_by_key(|&i| {
            let price = if side == Side::Buy {
                -slots[i].price
            } else {
                slots[i].price
            };
            (price, slots[i].arrival)
        })
    }
    pub(crate) fn best_price(&self, book: usize, side: Side) -> Option<i128> {
        self.best(book, side).map(|i| self.side(book, side)[i].price)
    }
    /// Shown levels of a side: price → (quantity, orders).
    pub fn levels(&self, symbol: Symbol, side: Side) -> BTreeMap<Price, (Quantity, u32)> {
        let mut levels = BTreeMap::new();
        if let Some(book) = self.book_of(symbol) {
            for slot in self.side(book, side) {
                let level = levels.entry(narrow(slot.price)).or_insert((0, 0));
                level.0 += narrow(slot.shown);
                level.1 += 1;
            }
        }
        levels
    }
    pub fn open_orders(&self) -> Vec<OrderSummary> {
        self.orders.values().map(|o| o.summary(o.status(), None)).collect()
    }
    pub fn last(&self, symbol: Symbol) -> Option<(Price, Quantity, Timestamp)> {
        let (price, quantity, at) = self.books[self.book_of(symbol)?].last?;
        Some((narrow(price), narrow(quantity), at))
    }
    pub fn symbols(&self) -> Vec<Symbol> {
        self.books.iter().map(|b| b.spec.symbol).collect()
    }
    pub fn account_ids(&self) -> Vec<AccountId> {
        self.accounts.iter().map(|a| a.id).collect()
    }
}
