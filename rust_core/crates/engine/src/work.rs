//! One command as a machine of small steps, so that it can stop and go on.
//!
//! A command may touch a million orders, but a record of the journal is bounded: before each *unit of
//! work* (the list is in RULES.md, section 10) the events so far and the levels touched are counted, and at [`EVENT_BUDGET`] the command stops; `Continue` goes on.
//! A unit makes far fewer than the rest of `MAX_EVENTS_PER_COMMAND`.
//!
//! Order of steps: reduce-only orders that became too many, the pass under way (matching), the scan of
//! the stops after it, the command's own job, the queue of activated orders, then, for a command that
//! found deadlines due, the next due thing and at last the command itself.

use crate::engine::Engine;
use crate::ladder::NIL;
use crate::types::*;
use crate::Events;
use std::collections::VecDeque;

/// A command stops before a unit of work when it has made this many events, levels included.
pub(crate) const EVENT_BUDGET: usize = 900;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    Order(u32),
    /// A quote of a feed: lots left.
    House {
        feed: u32,
        left: i64,
    },
    /// A print of a feed: lots left.
    Print {
        feed: u32,
        left: i64,
    },
    /// Cancelled on the way.
    Gone,
}

/// A taker going through the other side of the book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub taker: Taker,
    pub instrument: u32,
    pub side: Side,
    pub limit: i64,
    /// Lowest and highest price printed; `high == 0`: nothing yet.
    pub low: i64,
    pub high: i64,
}

/// The look at the stops after a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    pub instrument: u32,
    pub low: i64,
    pub high: i64,
    pub phase: u8,
}

/// The job of a command beyond its first pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    None,
    /// Close the orders of `Work::sweep` from `at` on.
    Sweep {
        at: usize,
        reason: CloseReason,
        then: Then,
    },
    /// Take a feed's quotes (all feeds': `NIL`) out of each instrument from `at` on.
    Withdraw {
        feed: u32,
        at: u32,
        then: Then,
    },
    Quote {
        feed: u32,
        instrument: u32,
        step: u8,
        bid: (i64, i64),
        ask: (i64, i64),
    },
    /// After the fills of a print: the tape.
    Tape {
        feed: u32,
        instrument: u32,
        price: i64,
        quantity: i64,
    },
    /// Account by account.
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
        mark: i64,
    },
    Dividend {
        instrument: u32,
        at: u32,
        amount: Money,
    },
    /// After a resume or an opening: waiting orders of each instrument from `at` up to `end`.
    Wake {
        at: u32,
        end: u32,
    },
}

/// What follows a sweep or a withdrawal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Nothing,
    Reset {
        account: u32,
        transfer: TransferId,
        cash: Money,
    },
    /// The house leaves, then `SessionClosed`, then perhaps the next session.
    CloseSession {
        next: Option<(u64, Option<Timestamp>)>,
    },
    SessionClosed {
        next: Option<(u64, Option<Timestamp>)>,
    },
    FeedWithdrawn,
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
    /// (age, slot), oldest first.
    pub sweep: Vec<(u64, u32)>,
    /// Activated orders, (age, slot).
    pub queue: VecDeque<(u64, u32)>,
    /// (account, instrument, position) whose reduce-only orders may be too many.
    pub over_reduced: VecDeque<(u32, u32, u32)>,
    /// Lowest and highest price of the fills that the print under way made.
    pub tape_prints: (i64, i64),
    /// A command that waits until what is due is done.
    pub deferred: Option<Command>,
    // What is told at the end.
    pub sequence: CommandSequence,
    pub at: Timestamp,
    pub request: Option<Request>,
    pub refusal: Option<Refusal>,
    pub repeated: Option<FirstResult>,
    /// The order of the outcome, and how it ended if it did.
    pub watch: Option<OrderId>,
    pub ended: Option<OrderSummary>,
    pub affected: u32,
    pub counting: bool,
    /// Levels touched: instrument, side, price, level.
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
            over_reduced: VecDeque::new(),
            tape_prints: (0, 0),
            deferred: None,
            sequence: 0,
            at: 0,
            request: None,
            refusal: None,
            repeated: None,
            watch: None,
            ended: None,
            affected: 0,
            counting: false,
            touched: Vec::new(),
        }
    }
}

impl Work {
    /// Room for what one command can touch and activate; only sweeps may need more.
    pub fn warm_up(&mut self) {
        self.touched.reserve(MAX_EVENTS_PER_COMMAND);
        self.queue.reserve(MAX_EVENTS_PER_COMMAND);
        self.over_reduced.reserve(MAX_EVENTS_PER_COMMAND);
    }
}

impl Engine {
    /// Does units of work until there are none (true) or the command is full (false).
    pub(crate) fn run(&mut self, base: usize, events: &mut Events) -> bool {
        loop {
            let idle = self.work.pass.is_none()
                && self.work.scan.is_none()
                && self.work.over_reduced.is_empty()
                && self.work.queue.is_empty()
                && matches!(self.work.job, Job::None)
                && self.work.deferred.is_none();
            if idle {
                return true;
            }
            if events.len() - base + self.work.touched.len() >= EVENT_BUDGET && self.next_is_unit() {
                return false;
            }
            if !self.work.over_reduced.is_empty() {
                self.cut_reduce_only(events);
            } else if self.work.pass.is_some() {
                self.match_step(events);
            } else if self.work.scan.is_some() {
                self.scan_step(events);
            } else if !matches!(self.work.job, Job::None) {
                self.job_step(events);
            } else if let Some((age, slot)) = self.work.queue.pop_front() {
                if self.orders.is(slot, age) {
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

    /// Is the next step a unit of work, and not only the turn to the next thing?
    #[cold]
    fn next_is_unit(&self) -> bool {
        if let Some(&(_, _, position)) = self.work.over_reduced.front() {
            return self.ledger.positions[position as usize].over_reduced().is_some();
        }
        if let Some(pass) = &self.work.pass {
            return self.next_match(pass).is_some();
        }
        if let Some(scan) = &self.work.scan {
            return self.found(scan).is_some();
        }
        let holds = |account: u32, instrument: u32| {
            let slot = self.ledger.position(account, instrument);
            slot.is_some_and(|slot| self.ledger.positions[slot as usize].lots != 0)
        };
        match self.work.job {
            Job::None => {}
            Job::Sweep { at, .. } => {
                let next = self.work.sweep.get(at);
                return next.is_some_and(|&(age, slot)| self.orders.is(slot, age));
            }
            Job::Withdraw { feed, at, .. } => return self.is_quoted(at, feed),
            Job::Quote { .. } | Job::Tape { .. } | Job::Wake { .. } => return false,
            Job::Positions { account, at, .. } => {
                let next = self.ledger.accounts[account as usize].positions.get(at);
                return next.is_some_and(|&(_, slot)| self.ledger.positions[slot as usize].lots != 0);
            }
            Job::Split { instrument, at, .. } | Job::Dividend { instrument, at, .. } => {
                return (at as usize) < self.ledger.accounts.len() && holds(at, instrument);
            }
        }
        if let Some(&(age, slot)) = self.work.queue.front() {
            return self.orders.is(slot, age);
        }
        // Due: an order's end, else the turn to the session or a feed; at last the command itself.
        let expires = self.expiries.first().is_some_and(|&(time, _, _)| time <= self.now);
        expires || !(self.session_is_due() || self.silent_feed().is_some())
    }

    fn job_step(&mut self, events: &mut Events) {
        match std::mem::replace(&mut self.work.job, Job::None) {
            Job::None => {}
            Job::Sweep { at, reason, then } => match self.work.sweep.get(at).copied() {
                Some((age, slot)) => {
                    self.work.job = Job::Sweep {
                        at: at + 1,
                        reason,
                        then,
                    };
                    if self.orders.is(slot, age) {
                        let status = match reason {
                            CloseReason::SessionClosed => OrderStatus::Expired,
                            _ => OrderStatus::Canceled,
                        };
                        self.close_with_legs(slot, status, reason, events);
                    }
                }
                None => {
                    self.work.sweep.clear();
                    self.then(then, events);
                }
            },
            Job::Withdraw { feed, at, then } => {
                if (at as usize) < self.markets.len() {
                    self.work.job = Job::Withdraw { feed, at: at + 1, then };
                    self.withdraw_quotes(at, feed);
                } else {
                    if let Then::FeedWithdrawn = then {
                        events.push(Event::FeedWithdrawn {
                            feed: self.feeds[feed as usize].id,
                        });
                    } else {
                        self.then(then, events);
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
            Job::Wake { at, end } => {
                if at < end {
                    self.work.job = Job::Wake { at: at + 1, end };
                    self.wake(at);
                }
            }
        }
    }

    fn then(&mut self, then: Then, events: &mut Events) {
        match then {
            Then::Nothing | Then::FeedWithdrawn => {}
            Then::Reset {
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
            Then::CloseSession { next } => {
                self.work.job = Job::Withdraw {
                    feed: NIL,
                    at: 0,
                    then: Then::SessionClosed { next },
                };
            }
            Then::SessionClosed { next } => self.session_closed(next, events),
            Then::Split {
                instrument,
                numerator,
                denominator,
            } => {
                self.apply_split(instrument, numerator, denominator, events);
            }
        }
    }
}
