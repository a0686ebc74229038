//! Runs one stream through engine and oracle, compares all their results, and shrinks a failing stream.
//!
//! After each command it compares the outcome and the events (those of a continued command together), and
//! checks the bounds and the [`EventChecker`].
//!
//! Every `audit_every` commands, and at the end, it compares accounts, positions, orders, levels, quotes,
//! deadlines and conservation. Now and then it also takes a snapshot, which must restore to the same bytes.
//! The restored engine replaces the old one, so that everything that follows tests the restore too.

use crate::event_checker::EventChecker;
use crate::oracle::Oracle;
use crate::random::Random;
use crate::workload::{generate, Profile, Stream};
use cift_engine::types::*;
use cift_engine::{Engine, MAX_REQUESTS_PER_ACCOUNT};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// R10.4: a command does not stop before this number of events.
const EVENT_BUDGET: usize = 900;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub commands: u64,
    pub events: u64,
    pub trades: u64,
    pub refusals: u64,
    pub continues: u64,
    pub restores: u64,
}

pub struct Comparison {
    engine: Engine,
    oracle: Oracle,
    event_checker: EventChecker,
    sequence: CommandSequence,
    random: Random,
    audit_every: u64,
    keys: usize,
    pub totals: Totals,
    buffer: Vec<Event>,
    all: Vec<Event>,
}

/// R11.6: every third stream has a small bound of keys, so that it is reached.
fn keys_per_account(seed: u64) -> usize {
    if seed % 3 == 0 {
        12
    } else {
        MAX_REQUESTS_PER_ACCOUNT as usize
    }
}

macro_rules! same {
    ($engine:expr, $oracle:expr, $what:expr) => {
        let (engine, oracle) = (&$engine, &$oracle);
        if engine != oracle {
            return Err(format!("{}:\n  engine {engine:?}\n  oracle {oracle:?}", $what));
        }
    };
}

impl Comparison {
    pub fn new(seed: u64, audit_every: u64) -> Comparison {
        let mut engine = Engine::new();
        let mut oracle = Oracle::new();
        let keys = keys_per_account(seed);
        engine.bound_requests(keys as u32, usize::MAX);
        oracle.bound_keys(keys);
        Comparison {
            engine,
            oracle,
            keys,
            event_checker: EventChecker::default(),
            sequence: 0,
            random: Random::new(seed ^ 0x5eed),
            audit_every,
            totals: Totals::default(),
            buffer: Vec::new(),
            all: Vec::new(),
        }
    }

    /// Takes a snapshot, restores it, and continues with the restored engine.
    fn restart(&mut self) -> Result<(), String> {
        let mut before = Vec::new();
        self.engine.snapshot(&mut before);
        let restored = Engine::restore(&before).map_err(|e| format!("the engine refuses its own snapshot: {e:?}"))?;
        let mut after = Vec::new();
        restored.snapshot(&mut after);
        if before != after {
            return Err(format!(
                "the snapshot after a restore differs ({} and {} bytes)",
                before.len(),
                after.len()
            ));
        }
        self.engine = restored;
        self.engine.bound_requests(self.keys as u32, usize::MAX);
        self.totals.restores += 1;
        Ok(())
    }

    /// Applies one command with all its `Continue`s to the engine. Stores its events: first all others,
    /// then `LevelChanged`.
    fn engine_apply(&mut self, ts: Timestamp, command: &Command) -> Result<Outcome, String> {
        self.all.clear();
        let mut levels = Vec::new();
        let mut command = *command;
        loop {
            self.sequence += 1;
            self.buffer.clear();
            let outcome = self.engine.apply(self.sequence, ts, &command, &mut self.buffer);
            if !self.engine.left_a_trace() {
                self.sequence -= 1;
            }
            if self.buffer.len() > MAX_EVENTS_PER_COMMAND {
                return Err(format!(
                    "one command emitted {} events, more than MAX_EVENTS_PER_COMMAND",
                    self.buffer.len()
                ));
            }
            let first = self.buffer.iter().position(|e| matches!(e, Event::LevelChanged { .. }));
            let (work, tail) = self.buffer.split_at(first.unwrap_or(self.buffer.len()));
            if !tail.iter().all(|e| matches!(e, Event::LevelChanged { .. })) {
                return Err("LevelChanged precedes another event".into());
            }
            self.all.extend_from_slice(work);
            levels.extend_from_slice(tail);
            if !self.engine.needs_continue() {
                self.all.append(&mut levels);
                return Ok(outcome);
            }
            if self.buffer.len() < EVENT_BUDGET {
                return Err(format!("a command stopped after only {} events", self.buffer.len()));
            }
            self.totals.continues += 1;
            command = Command::Continue;
        }
    }

    pub fn step(&mut self, ts: Timestamp, command: &Command) -> Result<(), String> {
        let sequence = self.sequence + 1;
        let predicted = match command {
            Command::PlaceOrder(p) if p.request.is_none() && self.engine.next_deadline().is_none_or(|at| at > ts) => {
                Some(self.engine.check(ts, p))
            }
            _ => None,
        };
        let outcome = self.engine_apply(ts, command)?;
        let (events, expected) = self.oracle.apply(sequence, ts, command);
        let all = std::mem::take(&mut self.all);
        let work = all
            .iter()
            .position(|e| matches!(e, Event::LevelChanged { .. }))
            .unwrap_or(all.len());
        for i in 0..work.max(events.len()) {
            if all[..work].get(i) != events.get(i) {
                let from = i.saturating_sub(1);
                let near = |list: &[Event]| {
                    let lines = list.iter().skip(from).take(4).map(|e| format!("\n    {e:?}"));
                    lines.collect::<String>()
                };
                let (engine, oracle) = (near(&all[..work]), near(&events));
                return Err(format!(
                    "events differ at index {i}; from index {from} on:\n  engine:{engine}\n  oracle:{oracle}"
                ));
            }
        }
        same!(outcome, expected, "outcome");
        if let Some(predicted) = predicted {
            let refusal = match outcome {
                Outcome::Refused(reason) => Some(reason),
                _ => None,
            };
            same!(
                predicted.err(),
                refusal,
                "the prediction of check() (engine) and the outcome (oracle)"
            );
        }
        self.event_checker.check_command(&all)?;
        let count = |wanted: fn(&Event) -> bool| events.iter().filter(|e| wanted(e)).count() as u64;
        self.totals.commands += 1;
        self.totals.events += all.len() as u64;
        self.totals.trades += count(|e| matches!(e, Event::TradeExecuted { .. }));
        self.totals.refusals += count(|e| matches!(e, Event::Refused { .. }));
        self.all = all;
        same!(
            self.engine.next_deadline(),
            self.oracle.next_deadline(),
            "next deadline"
        );
        if self.totals.commands % self.audit_every == 0 {
            self.audit()?;
            if self.random.one_in(3) {
                self.restart()?;
            }
        }
        Ok(())
    }

    /// Compares everything that can be queried.
    pub fn audit(&mut self) -> Result<(), String> {
        self.engine.check_conservation()?;
        same!(self.engine.sequence(), self.sequence, "sequence");
        for id in self.oracle.account_ids() {
            let (view, expected) = (self.engine.account(id), self.oracle.account(id));
            let view = view.map(|v| crate::oracle::ledger::AccountFigures {
                cash: v.cash,
                reserved: v.reserved,
                equity: v.equity,
                gross: v.gross,
                daily_loss_baseline: v.daily_loss_baseline,
                open_orders: v.open_orders,
                state: v.state,
            });
            same!(view, expected, format!("account {id:?}"));
            let mut positions = Vec::new();
            self.engine.positions(id, &mut positions);
            let positions: Vec<_> = positions
                .iter()
                .map(|p| (p.symbol, p.quantity, p.cost, p.open_buys, p.open_sells))
                .collect();
            same!(positions, self.oracle.positions(id), format!("positions of {id:?}"));
        }
        for key in self.oracle.keys() {
            same!(
                self.engine.first_result(key),
                self.oracle.first_result(key),
                format!("first result of {key}")
            );
        }
        for key in self.oracle.dropped() {
            same!(
                self.engine.first_result(*key),
                self.oracle.first_result(*key),
                format!("expired key {key}")
            );
        }
        for order in self.oracle.open_orders() {
            same!(self.engine.order(order.order), Some(order), "open order");
        }
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for symbol in self.oracle.symbols() {
            bids.clear();
            asks.clear();
            self.engine.book(symbol, usize::MAX, &mut bids, &mut asks);
            for (side, levels) in [(Side::Buy, &bids), (Side::Sell, &asks)] {
                let mut expected: Vec<_> = self.oracle.levels(symbol, side).into_iter().collect();
                if side == Side::Buy {
                    expected.reverse();
                }
                let levels: Vec<_> = levels.iter().map(|l| (l.price, (l.quantity, l.orders))).collect();
                same!(levels, expected, format!("levels of {symbol:?} {side:?}"));
                let key = |price| (symbol, side == Side::Buy, price);
                let reported = self.event_checker.levels.range(key(i64::MIN)..=key(i64::MAX));
                let mut reported: Vec<_> = reported.map(|(k, v)| (k.2, *v)).collect();
                if side == Side::Buy {
                    reported.reverse();
                }
                same!(
                    levels,
                    reported,
                    format!("levels of {symbol:?} {side:?} (engine) and the sum of LevelChanged events (oracle)")
                );
            }
            let last = self.engine.quote(symbol).and_then(|q| q.last);
            same!(last, self.oracle.last(symbol), format!("last print of {symbol:?}"));
        }
        Ok(())
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// Runs a stream. On failure returns the index of the first failing command and the reason. A panic of
/// either side is a failure too.
pub fn run(stream: &[(Timestamp, Command)], seed: u64, audit_every: u64) -> Result<Totals, (usize, String)> {
    let mut comparison = Comparison::new(seed, audit_every);
    for (index, (ts, command)) in stream.iter().enumerate() {
        let result = catch_unwind(AssertUnwindSafe(|| comparison.step(*ts, command))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(format!(
                "panic: {}",
                text.or(panic.downcast_ref::<&str>().map(|s| s.to_string()))
                    .unwrap_or_default()
            ))
        });
        result.map_err(|why| (index, why))?;
    }
    comparison.audit().map_err(|why| (stream.len(), why))?;
    Ok(comparison.totals)
}

/// Removes commands in ever smaller pieces while the stream still fails. Any failure counts.
pub fn shrink(stream: &[(Timestamp, Command)], seed: u64) -> (Stream, String) {
    let fails = |candidate: &[(Timestamp, Command)]| run(candidate, seed, 1).err();
    let mut kept: Stream = stream.to_vec();
    let mut why = String::new();
    if let Some((index, reason)) = fails(&kept) {
        kept.truncate(index + 1);
        why = reason;
    }
    let mut piece = kept.len() / 2;
    while piece > 0 {
        let mut start = 0;
        while start < kept.len() {
            let mut candidate = kept.clone();
            candidate.drain(start..(start + piece).min(kept.len()));
            match fails(&candidate) {
                Some((index, reason)) => {
                    candidate.truncate(index + 1);
                    (kept, why) = (candidate, reason);
                }
                None => start += piece,
            }
        }
        piece = if piece == 1 { 0 } else { piece / 2 };
    }
    (kept, why)
}

/// Runs one seeded stream. On failure returns the seed, the reason and a minimal list of commands.
pub fn compare_profile(profile: Profile, seed: u64, commands: usize) -> Result<Totals, String> {
    let stream = generate(profile, seed, commands);
    run(&stream, seed, 97).map_err(|(index, first)| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let (small, why) = shrink(&stream[..(index + 1).min(stream.len())], seed);
        std::panic::set_hook(hook);
        let list: Vec<String> = small
            .iter()
            .map(|(ts, command)| format!("  ({ts}, {command:?}),"))
            .collect();
        format!(
            "profile {} seed {seed} commands {commands}: command {index}: {first}\nshrunk to {} commands: {why}\n{}",
            profile.name(),
            small.len(),
            list.join("\n")
        )
    })
}
