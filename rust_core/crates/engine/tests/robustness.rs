//! For every input the engine never panics, its books stay balanced, and a command stays within its bound
//! of events.

mod flow;
use cift_engine::*;
use flow::Flow;

fn run_flow(seed: u64, count: usize, extreme: bool, every: usize) {
    let mut flow = Flow::new(seed);
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let mut sequence = 0;
    let setup = flow.setup();
    let mut last = Command::AdvanceTime;
    for at in 0..setup.len() + count {
        let command = match setup.get(at) {
            Some(command) => *command,
            None if extreme => flow.extreme_command(),
            None => flow.next(),
        };
        events.clear();
        sequence += 1;
        engine.apply(sequence, flow.now, &command, &mut events);
        assert!(events.len() <= MAX_EVENTS_PER_COMMAND);
        while engine.needs_continue() {
            events.clear();
            sequence += 1;
            engine.apply(sequence, flow.now, &Command::Continue, &mut events);
            assert!(events.len() <= MAX_EVENTS_PER_COMMAND);
        }
        if at % every == 0 {
            let consistent = engine.check_conservation();
            assert_eq!(
                consistent,
                Ok(()),
                "seed {seed}, command {at}: {command:?} after {last:?}"
            );
        }
        last = command;
    }
}

/// Holds R2.1.
#[test]
fn every_command_of_a_valid_flow_keeps_the_books_balanced() {
    for seed in 20..24 {
        run_flow(seed, 6_000, false, 1);
    }
}

#[test]
fn extreme_values_cause_no_panic_and_keep_the_books_balanced() {
    for seed in 40..60 {
        run_flow(seed, 10_000, true, 7);
    }
}

#[test]
fn a_clock_that_jumps_to_its_limits_causes_no_panic() {
    let mut flow = Flow::new(77);
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let setup = flow.setup();
    for (at, command) in setup.iter().enumerate() {
        engine.apply(at as u64, i64::MIN, command, &mut events);
    }
    for now in [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX, 5] {
        for _ in 0..500 {
            events.clear();
            let command = flow.extreme_command();
            engine.apply(1, now, &command, &mut events);
            while engine.needs_continue() {
                engine.apply(1, now, &Command::Continue, &mut events);
            }
        }
    }
    assert_eq!(engine.check_conservation(), Ok(()));
}
