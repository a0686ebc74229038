//! Properties of the engine under any rules: it is deterministic, a snapshot loses nothing, `check`
//! predicts the result of a place, and no command is applied between a command and its `Continue`s.
//!
//! `compare` checks conservation, time priority, the bound on events and uncrossed books after every
//! command of the comparison streams.

use cift_engine::{Command, Engine, Event, Outcome, PlaceOrder, Refusal, Timestamp};
use cift_sim::random::Random;
use cift_sim::workload::{generate, Profile, Stream};

struct Run {
    engine: Engine,
    sequence: u64,
    events: Vec<Event>,
}

impl Run {
    fn new() -> Run {
        Run {
            engine: Engine::new(),
            sequence: 0,
            events: Vec::new(),
        }
    }
    /// Applies a command and its `Continue`s, and appends their events to `emitted`.
    fn apply(&mut self, ts: Timestamp, command: &Command, emitted: &mut Vec<Event>) -> Outcome {
        let mut command = *command;
        loop {
            self.sequence += 1;
            self.events.clear();
            let outcome = self.engine.apply(self.sequence, ts, &command, &mut self.events);
            emitted.extend_from_slice(&self.events);
            if !self.engine.needs_continue() {
                return outcome;
            }
            command = Command::Continue;
        }
    }
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.engine.snapshot(&mut bytes);
        bytes
    }
}

fn streams() -> impl Iterator<Item = (Profile, u64, Stream)> {
    let of = |profile| (0..4).map(move |seed| (profile, 900 + seed, generate(profile, 900 + seed, 5_000)));
    Profile::ALL.into_iter().flat_map(of)
}

#[test]
fn the_same_commands_give_the_same_bytes() {
    for (profile, seed, stream) in streams() {
        let (mut one, mut two) = (Run::new(), Run::new());
        let (mut events_one, mut events_two) = (Vec::new(), Vec::new());
        for (ts, command) in &stream {
            one.apply(*ts, command, &mut events_one);
            two.apply(*ts, command, &mut events_two);
        }
        assert_eq!(events_one, events_two, "{profile:?} seed {seed}");
        assert!(
            one.bytes() == two.bytes(),
            "{profile:?} seed {seed}: the snapshot bytes differ"
        );
    }
}

#[test]
fn a_restored_engine_gives_the_same_results() {
    for (profile, seed, stream) in streams() {
        let mut random = Random::new(seed);
        let cut = random.below(stream.len() as u64) as usize;
        let (before, after) = stream.split_at(cut);
        let mut first = Run::new();
        for (ts, command) in before {
            first.apply(*ts, command, &mut Vec::new());
        }
        let engine = Engine::restore(&first.bytes()).expect("the engine restores its own snapshot");
        let mut second = Run {
            engine,
            sequence: first.sequence,
            events: Vec::new(),
        };
        for (i, (ts, command)) in after.iter().enumerate() {
            let (mut events_first, mut events_second) = (Vec::new(), Vec::new());
            let first_outcome = first.apply(*ts, command, &mut events_first);
            let second_outcome = second.apply(*ts, command, &mut events_second);
            assert_eq!(
                events_first, events_second,
                "{profile:?} seed {seed}: command {i} after the cut at {cut}"
            );
            assert_eq!(
                first_outcome, second_outcome,
                "{profile:?} seed {seed}: command {i} after the cut at {cut}"
            );
        }
        assert!(
            first.bytes() == second.bytes(),
            "{profile:?} seed {seed} cut {cut}: the snapshot bytes differ"
        );
    }
}

#[test]
fn restoring_a_damaged_snapshot_never_panics() {
    let (_, _, stream) = streams().next().expect("there are streams");
    let mut run = Run::new();
    for (ts, command) in &stream[..2_000] {
        run.apply(*ts, command, &mut Vec::new());
    }
    let bytes = run.bytes();
    let mut random = Random::new(3);
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        let at = random.below(bytes.len() as u64) as usize;
        damaged[at] ^= 1 << random.below(8);
        // `restore` checks a checksum. Here it is enough that it does not panic or hang.
        let _ = Engine::restore(&damaged);
        let _ = Engine::restore(&bytes[..at]);
    }
}

#[test]
fn max_order_size_is_the_largest_admitted_size() {
    let (mut found, mut none) = (0, 0);
    for (profile, seed, stream) in streams() {
        let mut run = Run::new();
        for (i, (ts, command)) in stream.iter().enumerate() {
            if let (0, Command::PlaceOrder(place)) = (i % 7, command) {
                let due = run.engine.next_deadline().is_some_and(|at| at <= *ts);
                if !due {
                    let order = PlaceOrder {
                        request: None,
                        display_quantity: None,
                        ..*place
                    };
                    match largest(&run.engine, *ts, &order) {
                        Ok(true) => found += 1,
                        Ok(false) => none += 1,
                        Err(why) => panic!("{profile:?} seed {seed} command {i}: {why}\n{order:?}"),
                    }
                }
            }
            run.apply(*ts, command, &mut Vec::new());
        }
    }
    println!("{found} sizes found, {none} orders not admitted at any size");
    assert!(found > 1_000 && none > 100);
}

fn largest(engine: &Engine, now: Timestamp, order: &PlaceOrder) -> Result<bool, String> {
    let Some(instrument) = engine.instruments().iter().find(|i| i.symbol == order.symbol) else {
        return Ok(false);
    };
    let check = |quantity| engine.check(now, &PlaceOrder { quantity, ..*order });
    match engine.max_order_size(now, order) {
        Err(_) | Ok(0) => match check(instrument.lot) {
            Err(_) => Ok(false),
            Ok(_) => Err("max_order_size is 0, but one lot is admitted".into()),
        },
        Ok(size) => {
            if let Err(reason) = check(size) {
                return Err(format!("max_order_size is {size}, which is refused: {reason:?}"));
            }
            match check(size + instrument.lot) {
                Err(_) => Ok(true),
                Ok(_) => Err(format!("max_order_size is {size}, but one lot more is admitted")),
            }
        }
    }
}

/// Holds R10.2, R10.3.
#[test]
fn only_continue_may_follow_an_unfinished_command() {
    let (mut continued, mut control, mut disturbed) = (0, Run::new(), Run::new());
    let stream = generate(Profile::Sweep, 901, 20_000);
    for (ts, command) in &stream {
        let mut emitted = Vec::new();
        control.apply(*ts, command, &mut emitted);
        let mut next = *command;
        loop {
            disturbed.sequence += 1;
            disturbed.events.clear();
            disturbed
                .engine
                .apply(disturbed.sequence, *ts, &next, &mut disturbed.events);
            if !disturbed.engine.needs_continue() {
                break;
            }
            continued += 1;
            // The caller passes the sequence, so it advances here as it does for the control run's own
            // commands.
            let mut events = Vec::new();
            let between = disturbed
                .engine
                .apply(disturbed.sequence, *ts, &Command::AdvanceTime, &mut events);
            assert_eq!(between, Outcome::Refused(Refusal::ContinueExpected));
            assert_eq!(
                events,
                [Event::Refused {
                    reason: Refusal::ContinueExpected
                }]
            );
            assert!(disturbed.engine.needs_continue());
            next = Command::Continue;
        }
    }
    assert!(continued > 0, "no command needed a Continue");
    assert!(
        control.bytes() == disturbed.bytes(),
        "the refused commands changed the state"
    );
}
