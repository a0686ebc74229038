//! The engine's state, and the steps of one command.
//!
//! `apply` runs these steps in order:
//! 1. Do the work that is due by time (§8).
//! 2. [`Engine::dispatch`] checks the command and starts its work.
//! 3. [`Engine::run`] does the units of work.
//! 4. Emit `LevelChanged` for each level that changed.
//! 5. Store the outcome under the request key, count the command in its account's rate, and drop expired
//!    request keys (§11).
//!
//! A command that is too large for one journal record stops in step 3; `work.rs` describes how it
//! continues. A refused command that changed nothing leaves no trace: sequence and time are those of the
//! command before it, and a journal need not contain it ([`Engine::left_a_trace`]).

use crate::ledger::Ledger;
use crate::margin::MarginTerms;
use crate::market::{Feed, Market};
use crate::orders::Orders;
use crate::requests::{Record, Requests, MAX_REQUESTS};
use crate::types::*;
use crate::work::Work;
use crate::Events;
use std::collections::BTreeSet;

/// The version of the rules that this code implements.
pub(crate) const RULES_VERSION: u32 = 2;
/// Version of the record format that this code writes; `EnableFormat` selects it.
pub(crate) const FORMAT_VERSION: u16 = 1;
pub(crate) const MAX_INSTRUMENTS: usize = 4_096;
pub(crate) const MAX_ACCOUNTS: usize = 1 << 20;
pub(crate) const MAX_OPEN_ORDERS: usize = 1 << 21;
pub(crate) const MAX_FEEDS: usize = 16;

/// The matching engine. The crate's header describes it.
pub struct Engine {
    pub(crate) sequence: CommandSequence,
    pub(crate) now: Timestamp,
    pub(crate) epoch: u64,
    pub(crate) rules: u32,
    pub(crate) format: u16,
    pub(crate) maker_ppm: i32,
    pub(crate) taker_ppm: i32,
    /// Number of the current or last session. `None` before the first.
    pub(crate) session: Option<u64>,
    pub(crate) closes_at: Option<Timestamp>,
    pub(crate) closed: bool,
    /// In the order in which the currencies got their terms.
    pub(crate) margin_terms: Vec<MarginTerms>,
    /// When the next margin check is due.
    pub(crate) margin_check_at: Option<Timestamp>,
    pub(crate) trades: u64,
    pub(crate) definitions: Vec<Instrument>,
    pub(crate) markets: Vec<Market>,
    /// (symbol as a big-endian number, index of the instrument), sorted.
    pub(crate) symbols: Vec<(u128, u32)>,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) ledger: Ledger,
    pub(crate) orders: Orders,
    /// (time, acceptance, slot) of the open good-till-date orders.
    pub(crate) expiries: BTreeSet<(Timestamp, u64, u32)>,
    pub(crate) requests: Requests,
    /// No work is due before this time. It may be too early, never too late.
    pub(crate) next_due_at: Timestamp,
    pub(crate) work: Work,
    /// The last command changed the state.
    pub(crate) traced: bool,
    /// See [`Engine::set_after_checks`].
    pub(crate) after_checks: Option<fn()>,
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}

impl Engine {
    pub fn new() -> Engine {
        Engine {
            sequence: 0,
            now: i64::MIN,
            epoch: 0,
            rules: RULES_VERSION,
            format: FORMAT_VERSION,
            maker_ppm: 0,
            taker_ppm: 0,
            session: None,
            closes_at: None,
            closed: false,
            margin_terms: Vec::new(),
            margin_check_at: None,
            trades: 0,
            definitions: Vec::new(),
            markets: Vec::new(),
            symbols: Vec::new(),
            feeds: Vec::new(),
            ledger: Ledger::new(),
            orders: Orders::new(),
            expiries: BTreeSet::new(),
            requests: Requests::new(),
            next_due_at: i64::MAX,
            work: Work::new(),
            traced: false,
            after_checks: None,
        }
    }

    /// Sets what is called when a new order has passed all checks and is about to be matched. For measurements: it
    /// takes and returns nothing, so it can neither see nor change the state.
    pub fn set_after_checks(&mut self, call: Option<fn()>) {
        self.after_checks = call;
    }

    /// Allocates memory for this many open orders and request keys in advance, so that no command pays for
    /// growth. The state and its snapshot bytes do not change.
    pub fn warm_up(&mut self, orders: usize, requests: usize) {
        self.orders.warm_up(orders.min(MAX_OPEN_ORDERS));
        self.requests.warm_up(requests.min(MAX_REQUESTS));
        self.work.warm_up();
    }

    /// Allocates memory for the book of one instrument: for this many orders, and for this many ticks of
    /// price range on each side. Returns false if the symbol is unknown.
    pub fn warm_up_book(&mut self, symbol: Symbol, orders: usize, ticks: usize) -> bool {
        let found = self.find_symbol(symbol);
        if let Some(instrument) = found {
            let book = &mut self.markets[instrument as usize].book;
            book.warm_up(orders.min(MAX_OPEN_ORDERS), ticks);
        }
        found.is_some()
    }

    /// Applies one command and appends its events. While [`Engine::needs_continue`] is true the outcome is
    /// provisional; the last `Continue` returns the final one. A `ts` before the previous one counts as the
    /// previous one (R1.7).
    pub fn apply(&mut self, seq: CommandSequence, ts: Timestamp, command: &Command, events: &mut Events) -> Outcome {
        let base = events.len();
        let before = (self.sequence, self.now);
        let now = self.now.max(ts);
        let is_continue = matches!(command, Command::Continue);
        if self.work.unfinished != is_continue {
            let reason = if is_continue {
                Refusal::NothingToContinue
            } else {
                Refusal::ContinueExpected
            };
            events.push(Event::Refused { reason });
            self.traced = false;
            return Outcome::Refused(reason);
        }
        self.sequence = seq;
        self.now = now;
        if !is_continue {
            self.begin(seq, now);
            if self.now >= self.next_due_at {
                self.work.deferred = Some(*command);
            } else {
                self.dispatch(command, events);
            }
        }
        self.work.unfinished = !self.run(base, events);
        self.emit_levels(events);
        self.ledger.assert_balanced();
        debug_assert!(events.len() - base <= MAX_EVENTS_PER_COMMAND);
        self.traced = true;
        if self.work.unfinished {
            return Outcome::Done {
                order: self.result_order(),
                affected: self.work.affected,
            };
        }
        let outcome = self.finish();
        let only_refused = matches!(outcome, Outcome::Refused(_)) && events.len() - base == 1;
        let only_repeated = matches!(outcome, Outcome::Repeated { .. }) && events.len() == base;
        if !is_continue && (only_refused || only_repeated) && !self.work.recorded {
            self.traced = false;
            (self.sequence, self.now) = before;
        } else {
            if let Some(account) = self.work.sender {
                self.count_rate(account, self.work.at);
            }
            self.requests.expire(self.now);
        }
        outcome
    }

    /// Whether the last command changed the state. A refused command that did not need not be in the
    /// journal (R1.2).
    pub fn left_a_trace(&self) -> bool {
        self.traced
    }

    /// Bounds the number of request keys, per account and in all. Both engines of a comparison must have the
    /// same bounds.
    pub fn bound_requests(&mut self, per_account: u32, in_all: usize) {
        self.requests.set_bounds(per_account, in_all);
    }

    /// Takes `now` as an argument to avoid reloading `self.now`.
    #[inline(always)]
    fn begin(&mut self, sequence: CommandSequence, now: Timestamp) {
        let work = &mut self.work;
        work.sequence = sequence;
        work.at = now;
        work.request = None;
        work.sender = None;
        work.recorded = false;
        work.refusal = None;
        work.repeated = None;
        work.result_order_id = None;
        work.closed_order = None;
        work.refused_order = None;
        work.affected = 0;
        work.count_closed = false;
    }

    /// Emits `LevelChanged` for the levels that this command touched, in the order of their first touch.
    fn emit_levels(&mut self, events: &mut Events) {
        for at in 0..self.work.touched.len() {
            let (instrument, side, price, level) = self.work.touched[at];
            let market = &mut self.markets[instrument as usize];
            let ladder = market.book.ladder_mut(side);
            let (lots, orders) = ladder.level(level);
            ladder.untouch(level);
            events.push(Event::LevelChanged {
                symbol: self.definitions[instrument as usize].symbol,
                side,
                price: price * market.tick,
                quantity: lots.saturating_mul(market.lot),
                orders,
            });
        }
        for at in 0..self.work.touched.len() {
            let (instrument, side, ..) = self.work.touched[at];
            self.markets[instrument as usize].book.ladder_mut(side).trim();
        }
        self.work.touched.clear();
    }

    #[inline(always)]
    fn result_order(&self) -> Option<OrderSummary> {
        if self.work.closed_order.is_some() {
            return self.work.closed_order;
        }
        let slot = self.orders.find(self.work.result_order_id?)?;
        Some(self.summary(slot, None))
    }

    #[inline(always)]
    fn finish(&mut self) -> Outcome {
        if let Some(first) = self.work.repeated {
            return Outcome::Repeated { first };
        }
        let refusal = self.work.refusal;
        let affected = self.work.affected;
        let lasts = refusal.is_none_or(Refusal::is_lasting);
        if let (Some(Request { key, body }), Some(account), true) = (self.work.request, self.work.sender, lasts) {
            self.work.recorded = true;
            let order = match refusal {
                None => self.result_order(),
                Some(_) => self.work.refused_order,
            };
            let first = FirstResult {
                sequence: self.work.sequence,
                at: self.work.at,
                order,
                affected,
                refusal,
            };
            self.forget_oldest(account);
            let record = self.requests.insert(&Record {
                key,
                body,
                account,
                first,
            });
            // The key of a place is kept as long as its order is open. The retention of every other key
            // starts now.
            let placed = self
                .work
                .result_order_id
                .filter(|_| self.work.closed_order.is_none() && refusal.is_none());
            match placed.and_then(|id| self.orders.find(id)) {
                Some(slot) if self.orders[slot].request == UNSTORED_REQUEST => self.orders[slot].request = record,
                _ => self.requests.start_expiry(record, self.now),
            }
        }
        match refusal {
            Some(reason) => Outcome::Refused(reason),
            None => Outcome::Done {
                order: self.result_order(),
                affected,
            },
        }
    }

    /// Drops the oldest request keys of the account while it is at a bound (R11.6).
    fn forget_oldest(&mut self, account: u32) {
        while let Some(evicted) = self.requests.make_place(account) {
            if let Some(slot) = evicted.order.and_then(|id| self.orders.find(id)) {
                if self.orders[slot].request == evicted.slot {
                    self.orders[slot].request = crate::ladder::NIL;
                }
            }
        }
    }

    /// R4.2 and R4.3. Returns false if the command already has its result.
    pub(crate) fn admit_request(&mut self, request: Option<Request>, events: &mut Events) -> bool {
        let Some(request) = request else { return true };
        match self.requests.find(request.key, request.body) {
            Some((first, true)) => {
                self.work.repeated = Some(first);
                false
            }
            Some((_, false)) => {
                self.refuse(Refusal::IdempotencyConflict, events);
                false
            }
            None => {
                self.work.request = Some(request);
                true
            }
        }
    }

    pub(crate) fn refuse(&mut self, reason: Refusal, events: &mut Events) {
        events.push(Event::Refused { reason });
        self.work.refusal = Some(reason);
    }

    /// Records that a level changes. Call it before a removal and after an addition.
    #[inline]
    pub(crate) fn touch(&mut self, instrument: u32, side: Side, node: u32) {
        let ladder = self.markets[instrument as usize].book.ladder_mut(side);
        let (first, level) = ladder.touch(node);
        if first {
            let price = ladder.node(node).price;
            self.work.touched.push((instrument, side, price, level));
        }
    }

    #[inline]
    pub(crate) fn find_symbol(&self, symbol: Symbol) -> Option<u32> {
        let key = u128::from_be_bytes(symbol.0);
        let at = self.symbols.binary_search_by_key(&key, |entry| entry.0).ok()?;
        Some(self.symbols[at].1)
    }

    pub(crate) fn add_market(&mut self, definition: Instrument, market: Market) {
        let key = u128::from_be_bytes(definition.symbol.0);
        let at = self.symbols.partition_point(|entry| entry.0 < key);
        self.symbols.insert(at, (key, self.markets.len() as u32));
        self.definitions.push(definition);
        self.markets.push(market);
    }

    /// Is trading possible in the instrument now?
    #[inline]
    pub(crate) fn trading(&self, instrument: u32) -> bool {
        !self.closed && !self.markets[instrument as usize].halted
    }

    #[inline(always)]
    pub(crate) fn summary(&self, slot: u32, ended: Option<(OrderStatus, Option<CloseReason>)>) -> OrderSummary {
        let order = &self.orders[slot];
        let lot = self.markets[order.instrument as usize].lot;
        let (status, reason) = ended.unwrap_or((order.reported_status(), None));
        OrderSummary {
            order: order.id,
            status,
            reason,
            quantity: order.quantity * lot,
            filled: order.filled * lot,
            filled_notional: order.filled_notional,
        }
    }
}

/// Value of `Order::request` until the end of the command that placed the order.
pub(crate) const UNSTORED_REQUEST: u32 = crate::ladder::NIL - 1;
