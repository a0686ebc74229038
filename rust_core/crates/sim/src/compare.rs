//! Engine against oracle: one stream, both sides, everything they say compared; shrinks what differs.
//!
//! After each command: outcome, events (the parts of a continued command together), bounds, witness.
//! Now and then (every `audit_every` commands, and at the end): accounts, positions, orders, levels,
//! quotes, deadlines, conservation, and a snapshot that must restore to the same bytes; the restored
//! engine then takes the old one's place, so that all that follows also proves the restore.

use crate::oracle::Oracle;
use crate::random::Random;
use crate::witness::Witness;
use crate::workload::{generate, Profile, Stream};
use cift_engine::types::*;
use cift_engine::Engine;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// RULES.md section 10: a command stops no earlier.
const EVENTS_BEFORE_A_CUT: usize = 900;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub commands: u64,
    pub events: u64,
    pub trades: u64,
    pub refusals: u64,
    pub continues: u64,
    pub restores: u64,
}

pub struct Duel {
    engine: Engine,
    oracle: Oracle,
    witness: Witness,
    sequence: CommandSequence,
    random: Random,
    audit_every: u64,
    pub tally: Tally,
    buffer: Vec<Event>,
    all: Vec<Event>,
}

macro_rules! same {
    ($engine:expr, $oracle:expr, $what:expr) => {
        let (engine, oracle) = (&$engine, &$oracle);
        if engine != oracle {
            return Err(format!("{}:\n  engine {engine:?}\n  oracle {oracle:?}", $what));
        }
    };
}

impl Duel {
    pub fn new(seed: u64, audit_every: u64) -> Duel {
        Duel {
            engine: Engine::new(),
            oracle: Oracle::new(),
            witness: Witness::default(),
            sequence: 0,
            random: Random::new(seed ^ 0x5eed),
            audit_every,
            tally: Tally::default(),
            buffer: Vec::new(),
            all: Vec::new(),
        }
    }

    /// Snapshot, restore, and go on with the restored engine.
    fn swap(&mut self) -> Result<(), String> {
        let mut before = Vec::new();
        self.engine.snapshot(&mut before);
        let restored = Engine::restore(&before).map_err(|e| format!("own snapshot refused: {e:?}"))?;
        let mut after = Vec::new();
        restored.snapshot(&mut after);
        if before != after {
            return Err(format!(
                "snapshot changed by restoring ({} and {} bytes)",
                before.len(),
                after.len()
            ));
        }
        self.engine = restored;
        self.tally.restores += 1;
        Ok(())
    }

    /// One command on the engine with all its `Continue`s; events without `LevelChanged` first, then these.
    fn engine_apply(&mut self, ts: Timestamp, command: &Command) -> Result<Outcome, String> {
        self.all.clear();
        let mut levels = Vec::new();
        let mut command = *command;
        loop {
            self.sequence += 1;
            self.buffer.clear();
            let outcome = self.engine.apply(self.sequence, ts, &command, &mut self.buffer);
            if self.buffer.len() > MAX_EVENTS_PER_COMMAND {
                return Err(format!("{} events in one command", self.buffer.len()));
            }
            let first = self.buffer.iter().position(|e| matches!(e, Event::LevelChanged { .. }));
            let (work, tail) = self.buffer.split_at(first.unwrap_or(self.buffer.len()));
            if !tail.iter().all(|e| matches!(e, Event::LevelChanged { .. })) {
                return Err("LevelChanged before other events".into());
            }
            self.all.extend_from_slice(work);
            levels.extend_from_slice(tail);
            if !self.engine.needs_continue() {
                self.all.append(&mut levels);
                return Ok(outcome);
            }
            if self.buffer.len() < EVENTS_BEFORE_A_CUT {
                return Err(format!("cut after {} events", self.buffer.len()));
            }
            self.tally.continues += 1;
            command = Command::Continue;
        }
    }

    pub fn step(&mut self, ts: Timestamp, command: &Command) -> Result<(), String> {
        let sequence = self.sequence + 1;
        let foretold = match command {
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
                    "events differ at {i}; from {from} on\n  engine:{engine}\n  oracle:{oracle}"
                ));
            }
        }
        same!(outcome, expected, "outcome");
        if let Some(foretold) = foretold {
            let refusal = match outcome {
                Outcome::Refused(reason) => Some(reason),
                _ => None,
            };
            same!(
                foretold.err(),
                refusal,
                "what check() said and what happened (as oracle)"
            );
        }
        self.witness.command(&all)?;
        let count = |wanted: fn(&Event) -> bool| events.iter().filter(|e| wanted(e)).count() as u64;
        self.tally.commands += 1;
        self.tally.events += all.len() as u64;
        self.tally.trades += count(|e| matches!(e, Event::TradeExecuted { .. }));
        self.tally.refusals += count(|e| matches!(e, Event::Refused { .. }));
        self.all = all;
        same!(
            self.engine.next_deadline(),
            self.oracle.next_deadline(),
            "next deadline"
        );
        if self.tally.commands % self.audit_every == 0 {
            self.audit()?;
            if self.random.one_in(3) {
                self.swap()?;
            }
        }
        Ok(())
    }

    /// Everything that can be asked for.
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
            same!(view, expected, format!("{id:?}"));
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
                let told = self.witness.levels.range(key(i64::MIN)..=key(i64::MAX));
                let mut told: Vec<_> = told.map(|(k, v)| (k.2, *v)).collect();
                if side == Side::Buy {
                    told.reverse();
                }
                same!(
                    levels,
                    told,
                    format!("levels of {symbol:?} {side:?} as LevelChanged told them (as oracle)")
                );
            }
            let last = self.engine.quote(symbol).and_then(|q| q.last);
            same!(last, self.oracle.last(symbol), format!("last of {symbol:?}"));
        }
        Ok(())
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// Where a stream failed first, and how. Panics of either side are failures too.
pub fn run(stream: &[(Timestamp, Command)], seed: u64, audit_every: u64) -> Result<Tally, (usize, String)> {
    let mut duel = Duel::new(seed, audit_every);
    for (index, (ts, command)) in stream.iter().enumerate() {
        let result = catch_unwind(AssertUnwindSafe(|| duel.step(*ts, command))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(format!(
                "panic: {}",
                text.or(panic.downcast_ref::<&str>().map(|s| s.to_string()))
                    .unwrap_or_default()
            ))
        });
        result.map_err(|why| (index, why))?;
    }
    duel.audit().map_err(|why| (stream.len(), why))?;
    Ok(duel.tally)
}

/// Removes commands while the stream still fails (any failure counts), in ever smaller pieces.
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

/// Runs one seeded stream; on failure gives the seed, the reason and a minimal list of commands.
pub fn duel(profile: Profile, seed: u64, commands: usize) -> Result<Tally, String> {
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
