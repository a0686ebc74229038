//! One command as a sequence of small steps, so that it can stop and continue in the next command.
//!
//! # Why
//! One command can affect a million orders, but a journal record is bounded. Before each *unit of work*
//! (the list is in R10.5) the engine adds the events so far and the levels touched so far. At
//! [`EVENT_BUDGET`] the command stops, and the next `Continue` goes on from the state in [`Work`]. A unit
//! emits far fewer events than the difference between `EVENT_BUDGET` and `MAX_EVENTS_PER_COMMAND`.
//!
//! # Ordering
//! [`Engine::run`] always takes the first of these that has work:
//! 1. reduce-only orders that exceed a position (after a trade);
//! 2. the current matching pass;
//! 3. the scan of the stops after a pass;
//! 4. the job of the command itself;
//! 5. the queue of activated orders;
//! 6. for a command that found deadlines due: the next due item, and finally the command itself.

use crate::engine::Engine;
use crate::ladder::NIL;
use crate::rescale::Ratio;
use crate::types::*;
use crate::Events;
use std::collections::VecDeque;

/// A command stops before a unit of work at this number of events plus touched levels.
pub(crate) const EVENT_BUDGET: usize = 900;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    Order(u32),
    /// A side of a feed's quote; `left` lots are still to match.
    Quote {
        feed: u32,
        left: i64,
    },
    /// A print of a feed; `left` lots are still to match.
    Print {
        feed: u32,
        left: i64,
    },
    /// The taking order ended during the pass.
    Removed,
}

/// A taker that matches against the other side of the book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub taker: Taker,
    pub instrument: u32,
    pub side: Side,
    pub limit: i64,
    /// The limit without the band.
    pub own_limit: i64,
    /// Lowest and highest price printed in this pass. `high == 0`: no print yet.
    pub low: i64,
    pub high: i64,
}

/// The scan of the stops after a pass. `phase` is explained at `Engine::next_in_scan`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    pub instrument: u32,
    pub low: i64,
    pub high: i64,
    pub phase: u8,
}

/// The work of a command after its first pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    None,
    /// Closes the orders of `Work::sweep` from index `at` on.
    Sweep {
        at: usize,
        reason: CloseReason,
        follow_up: FollowUp,
    },
    /// Withdraws a feed's quotes (`NIL`: all feeds') from each instrument from index `at` on.
    Withdraw {
        feed: u32,
        at: u32,
        follow_up: FollowUp,
    },
    Quote {
        feed: u32,
        instrument: u32,
        step: u8,
        bid: (i64, i64),
        ask: (i64, i64),
    },
    /// Records a print on the tape, after the fills that it caused.
    Tape {
        feed: u32,
        instrument: u32,
        price: i64,
        quantity: i64,
    },
    /// Resets the positions of an account, one per step from index `at` on.
    Positions {
        account: u32,
        at: usize,
        transfer: TransferId,
        cash: Money,
    },
    Split {
        instrument: u32,
        at: u32,
        numerator: u32,
        denominator: u32,
        /// Exact price after the split, in nanos. 0: there was none.
        mark: i128,
    },
    /// Adjusts the orders of `Work::sweep` in a forward split, from index `at` on.
    Rescale {
        instrument: u32,
        at: usize,
        ratio: Ratio,
    },
    /// Liquidates the accounts from `at` on that are below their maintenance requirement.
    MarginCheck {
        at: u32,
    },
    /// Reduces the positions of an account from index `at` on, or lets the insurance account take them over.
    Liquidate {
        account: u32,
        at: usize,
        takeover: bool,
    },
    /// Lowers the orders of `Work::sweep` on an ex-dividend date, from index `at` on.
    Adjust {
        instrument: u32,
        at: usize,
        amount: Money,
    },
    Dividend {
        instrument: u32,
        at: u32,
        amount: Money,
    },
    /// After a resume or the start of a session: releases the waiting orders of the instruments `at..end`.
    ReleaseWaiting {
        at: u32,
        end: u32,
    },
}

/// What follows a sweep or a withdrawal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FollowUp {
    None,
    Reset {
        account: u32,
        transfer: TransferId,
        cash: Money,
    },
    /// Withdraw all outside quotes, emit `SessionClosed`, then start the next session if there is one.
    CloseSession {
        next: Option<(u64, Option<Timestamp>)>,
    },
    SessionClosed {
        next: Option<(u64, Option<Timestamp>)>,
    },
    FeedWithdrawn,
    Liquidate {
        account: u32,
    },
    Split {
        instrument: u32,
        numerator: u32,
        denominator: u32,
    },
}

pub(crate) struct Work {
    pub unfinished: bool,
    pub pass: Option<Pass>,
    pub scan: Option<Scan>,
    pub job: Job,
    /// (acceptance, slot), oldest first.
    pub sweep: Vec<(u64, u32)>,
    /// Activated orders that wait for their pass: (acceptance, slot).
    pub queue: VecDeque<(u64, u32)>,
    /// (account, instrument, position slot) whose reduce-only orders may exceed the position.
    pub reduce_only_checks: VecDeque<(u32, u32, u32)>,
    /// Lowest and highest price of the fills that the current outside print caused.
    pub print_range: (i64, i64),
    /// A command that waits until all due work is done.
    pub deferred: Option<Command>,
    // The parts of the outcome.
    pub sequence: CommandSequence,
    pub at: Timestamp,
    pub request: Option<Request>,
    /// The account that sent the command: it counts in its rate.
    pub sender: Option<u32>,
    /// The command changed the state although it was refused: it stored a key, or a feed's sequence.
    pub recorded: bool,
    pub refusal: Option<Refusal>,
    pub repeated: Option<FirstResult>,
    /// Id of the order in the outcome, and its final state if it ended during the command.
    pub result_order_id: Option<OrderId>,
    pub closed_order: Option<OrderSummary>,
    /// The order that was refused; for `idempotency_conflict` the first order with the key.
    pub refused_order: Option<OrderSummary>,
    pub affected: u32,
    pub count_closed: bool,
    /// Levels touched by this command: (instrument, side, price, level).
    pub touched: Vec<(u32, Side, i64, u32)>,
}

impl Work {
    pub fn new() -> Work {
        Work {
            unfinished: false,
            pass: None,
            scan: None,
            job: Job::None,
            sweep: Vec::new(),
            queue: VecDeque::new(),
            reduce_only_checks: VecDeque::new(),
            print_range: (0, 0),
            deferred: None,
            sequence: 0,
            at: 0,
            request: None,
            sender: None,
            recorded: false,
            refusal: None,
            repeated: None,
            result_order_id: None,
            closed_order: None,
            refused_order: None,
            affected: 0,
            count_closed: false,
            touched: Vec::new(),
        }
    }
}

impl Work {
    /// Allocates memory for what one command can touch and activate. Only sweeps may need more.
    pub fn warm_up(&mut self) {
        self.touched.reserve(MAX_EVENTS_PER_COMMAND);
        self.queue.reserve(MAX_EVENTS_PER_COMMAND);
        self.reduce_only_checks.reserve(MAX_EVENTS_PER_COMMAND);
    }
}

impl Engine {
    /// Does units of work. Returns true when no work is left, false when the command must stop.
    pub(crate) fn run(&mut self, base: usize, events: &mut Events) -> bool {
        loop {
            let idle = self.work.pass.is_none()
                && self.work.scan.is_none()
                && self.work.reduce_only_checks.is_empty()
                && self.work.queue.is_empty()
                && matches!(self.work.job, Job::None)
                && self.work.deferred.is_none();
            if idle {
                return true;
            }
            if events.len() - base + self.work.touched.len() >= EVENT_BUDGET && self.next_is_unit() {
                return false;
            }
            if !self.work.reduce_only_checks.is_empty() {
                self.cut_reduce_only(events);
            } else if self.work.pass.is_some() {
                self.match_step(events);
            } else if self.work.scan.is_some() {
                self.scan_step(events);
            } else if !matches!(self.work.job, Job::None) {
                self.job_step(events);
            } else if let Some((acceptance, slot)) = self.work.queue.pop_front() {
                if self.orders.is_current(slot, acceptance) {
                    self.start_pass(slot, events);
                }
            } else if let Some(command) = self.work.deferred.take() {
                if self.due_step(events) {
                    self.work.deferred = Some(command);
                } else {
                    self.dispatch(&command, events);
                }
            }
        }
    }

    /// Is the next step a unit of work? Other steps (a change to the next phase or job) cost no events.
    #[cold]
    fn next_is_unit(&self) -> bool {
        if let Some(&(_, _, position)) = self.work.reduce_only_checks.front() {
            return self.ledger.positions[position as usize].reduce_only_excess().is_some();
        }
        if let Some(pass) = &self.work.pass {
            return self.next_match(pass).is_some();
        }
        if let Some(scan) = &self.work.scan {
            return self.next_in_scan(scan).is_some();
        }
        let holds = |account: u32, instrument: u32| {
            let slot = self.ledger.position(account, instrument);
            slot.is_some_and(|slot| self.ledger.positions[slot as usize].lots != 0)
        };
        match self.work.job {
            Job::None => {}
            Job::Sweep { at, .. } | Job::Adjust { at, .. } | Job::Rescale { at, .. } => {
                let next = self.work.sweep.get(at);
                return next.is_some_and(|&(acceptance, slot)| self.orders.is_current(slot, acceptance));
            }
            Job::MarginCheck { .. } | Job::Liquidate { .. } => return self.margin_step_is_unit(&self.work.job),
            Job::Withdraw { feed, at, .. } => return self.is_quoted(at, feed),
            Job::Quote { .. } | Job::Tape { .. } | Job::ReleaseWaiting { .. } => return false,
            Job::Positions { account, at, .. } => {
                let next = self.ledger.accounts[account as usize].positions.get(at);
                return next.is_some_and(|&(_, slot)| self.ledger.positions[slot as usize].lots != 0);
            }
            Job::Split { instrument, at, .. } | Job::Dividend { instrument, at, .. } => {
                return (at as usize) < self.ledger.accounts.len() && holds(at, instrument);
            }
        }
        if let Some(&(acceptance, slot)) = self.work.queue.front() {
            return self.orders.is_current(slot, acceptance);
        }
        // Due work: the end of an order is a unit; the start of a session close or a feed withdrawal is
        // not. The deferred command itself is a unit.
        //
        let expires = self.expiries.first().is_some_and(|&(time, _, _)| time <= self.now);
        expires || !(self.session_is_due() || self.silent_feed().is_some() || self.margin_is_due())
    }

    fn job_step(&mut self, events: &mut Events) {
        match std::mem::replace(&mut self.work.job, Job::None) {
            Job::None => {}
            Job::Sweep { at, reason, follow_up } => match self.work.sweep.get(at).copied() {
                Some((acceptance, slot)) => {
                    self.work.job = Job::Sweep {
                        at: at + 1,
                        reason,
                        follow_up,
                    };
                    if self.orders.is_current(slot, acceptance) {
                        let status = match reason {
                            CloseReason::SessionClosed => OrderStatus::Expired,
                            _ => OrderStatus::Canceled,
                        };
                        self.close_with_legs(slot, status, reason, events);
                    }
                }
                None => {
                    self.work.sweep.clear();
                    self.start_follow_up(follow_up, events);
                }
            },
            Job::Withdraw { feed, at, follow_up } => {
                if (at as usize) < self.markets.len() {
                    self.work.job = Job::Withdraw {
                        feed,
                        at: at + 1,
                        follow_up,
                    };
                    self.withdraw_quotes(at, feed);
                } else {
                    if let FollowUp::FeedWithdrawn = follow_up {
                        events.push(Event::FeedWithdrawn {
                            feed: self.feeds[feed as usize].id,
                        });
                    } else {
                        self.start_follow_up(follow_up, events);
                    }
                }
            }
            Job::Quote {
                feed,
                instrument,
                step,
                bid,
                ask,
            } => self.quote_step(feed, instrument, step, bid, ask),
            Job::Tape {
                feed,
                instrument,
                price,
                quantity,
            } => self.tape(feed, instrument, price, quantity, events),
            Job::Positions {
                account,
                at,
                transfer,
                cash,
            } => self.reset_step(account, at, transfer, cash, events),
            Job::Split {
                instrument,
                at,
                numerator,
                denominator,
                mark,
            } => {
                if (at as usize) < self.ledger.accounts.len() {
                    self.work.job = Job::Split {
                        instrument,
                        at: at + 1,
                        numerator,
                        denominator,
                        mark,
                    };
                    self.split_account(instrument, at, numerator, denominator, mark, events);
                }
            }
            Job::MarginCheck { at } => self.margin_check_step(at, events),
            Job::Liquidate { account, at, takeover } => self.liquidate_step(account, at, takeover, events),
            Job::Rescale { instrument, at, ratio } => self.rescale_step(instrument, at, ratio, events),
            Job::Adjust { instrument, at, amount } => self.adjust_step(instrument, at, amount, events),
            Job::Dividend { instrument, at, amount } => {
                if (at as usize) < self.ledger.accounts.len() {
                    self.work.job = Job::Dividend {
                        instrument,
                        at: at + 1,
                        amount,
                    };
                    self.pay_dividend(instrument, at, amount, events);
                }
            }
            Job::ReleaseWaiting { at, end } => {
                if at < end {
                    self.work.job = Job::ReleaseWaiting { at: at + 1, end };
                    self.release_waiting(at);
                }
            }
        }
    }

    pub(crate) fn start_follow_up(&mut self, follow_up: FollowUp, events: &mut Events) {
        match follow_up {
            FollowUp::None | FollowUp::FeedWithdrawn => {}
            FollowUp::Reset {
                account,
                transfer,
                cash,
            } => {
                self.work.job = Job::Positions {
                    account,
                    at: 0,
                    transfer,
                    cash,
                };
            }
            FollowUp::Liquidate { account } => {
                self.work.job = Job::Liquidate {
                    account,
                    at: 0,
                    takeover: false,
                };
            }
            FollowUp::CloseSession { next } => {
                self.work.job = Job::Withdraw {
                    feed: NIL,
                    at: 0,
                    follow_up: FollowUp::SessionClosed { next },
                };
            }
            FollowUp::SessionClosed { next } => self.session_closed(next, events),
            FollowUp::Split {
                instrument,
                numerator,
                denominator,
            } => {
                self.apply_split(instrument, numerator, denominator, events);
            }
        }
    }
}
