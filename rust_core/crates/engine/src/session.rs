//! Time: deadlines, sessions, halts.
//!
//! The engine has no timer. A command whose time has reached a deadline first does the work that is due
//! (§8). The order is: good-till-date orders, the close of the session, silent feeds, the margin check.

use crate::engine::Engine;
use crate::orders::Location;
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

impl Engine {
    /// The earliest time at which work is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.expiries.first().map(|&(time, _, _)| time);
        let close = self.closes_at.filter(|_| !self.closed);
        let silence = self
            .feeds
            .iter()
            .filter_map(|feed| Some(feed.last_message_at?.saturating_add(feed.silence_ns)))
            .min();
        [expiry, close, silence, self.margin_check_at]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn session_is_due(&self) -> bool {
        !self.closed && self.closes_at.is_some_and(|at| at <= self.now)
    }

    /// Starts one item of due work. Returns false if nothing is due any more.
    pub(crate) fn due_step(&mut self, events: &mut Events) -> bool {
        if let Some(&(time, _, slot)) = self.expiries.first() {
            if time <= self.now {
                self.close_with_legs(slot, OrderStatus::Expired, CloseReason::TimeReached, events);
                return true;
            }
        }
        if self.session_is_due() {
            self.close_session(None);
            return true;
        }
        if let Some(feed) = self.silent_feed() {
            self.feeds[feed as usize].last_message_at = None;
            self.work.job = Job::Withdraw {
                feed,
                at: 0,
                follow_up: FollowUp::FeedWithdrawn,
            };
            return true;
        }
        if self.margin_is_due() {
            self.start_margin_check();
            return true;
        }
        self.next_due_at = self.next_deadline().unwrap_or(i64::MAX);
        false
    }

    /// Closes the market: ends the day orders, withdraws the outside quotes, then emits `SessionClosed`.
    fn close_session(&mut self, next: Option<(u64, Option<Timestamp>)>) {
        self.closed = true;
        self.work.sweep.clear();
        for slot in self.orders.by_acceptance() {
            let order = &self.orders[slot];
            if order.time_in_force == TimeInForce::Day {
                self.work.sweep.push((order.acceptance, slot));
            }
        }
        self.work.job = Job::Sweep {
            at: 0,
            reason: CloseReason::SessionClosed,
            follow_up: FollowUp::CloseSession { next },
        };
    }

    pub(crate) fn session_closed(&mut self, next: Option<(u64, Option<Timestamp>)>, events: &mut Events) {
        if let Some(session) = self.session {
            events.push(Event::SessionClosed { session });
        }
        if let Some((session, closes_at)) = next {
            self.open_session(session, closes_at, events);
        }
    }

    pub(crate) fn set_session(&mut self, session: u64, closes_at: Option<Timestamp>, events: &mut Events) {
        let increases = self.session.is_none_or(|last| session > last);
        if !increases || closes_at.is_some_and(|at| at <= self.now) {
            return self.refuse(Refusal::InvalidSession, events);
        }
        if self.closed {
            self.open_session(session, closes_at, events);
        } else {
            self.close_session(Some((session, closes_at)));
        }
    }

    fn open_session(&mut self, session: u64, closes_at: Option<Timestamp>, events: &mut Events) {
        self.closed = false;
        self.session = Some(session);
        self.closes_at = closes_at;
        if let Some(at) = closes_at {
            self.next_due_at = self.next_due_at.min(at);
        }
        events.push(Event::SessionSet { session, closes_at });
        for account in 0..self.ledger.accounts.len() as u32 {
            self.ledger.accounts[account as usize].baseline = self.valuation(account).equity;
        }
        self.arm_margin_checks();
        self.work.job = Job::ReleaseWaiting {
            at: 0,
            end: self.markets.len() as u32,
        };
    }

    pub(crate) fn halt(&mut self, symbol: Symbol, events: &mut Events) {
        let Some(instrument) = self.find_symbol(symbol) else {
            return self.refuse(Refusal::UnknownSymbol, events);
        };
        self.markets[instrument as usize].halted = true;
        events.push(Event::Halted { symbol });
        self.withdraw_quotes(instrument, u32::MAX);
    }

    pub(crate) fn resume(&mut self, symbol: Symbol, events: &mut Events) {
        let Some(instrument) = self.find_symbol(symbol) else {
            return self.refuse(Refusal::UnknownSymbol, events);
        };
        self.markets[instrument as usize].halted = false;
        events.push(Event::Resumed { symbol });
        self.work.job = Job::ReleaseWaiting {
            at: instrument,
            end: instrument + 1,
        };
    }

    /// Moves the orders that waited for trading to the queue.
    pub(crate) fn release_waiting(&mut self, instrument: u32) {
        if !self.trading(instrument) {
            return;
        }
        while let Some(slot) = self.markets[instrument as usize].waiting.pop_front() {
            self.orders[slot].location = Location::Detached;
            self.work.queue.push_back((self.orders[slot].acceptance, slot));
        }
    }
}
