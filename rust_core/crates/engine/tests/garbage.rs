//! Whatever comes, the engine refuses or obeys: it never panics, its books stay balanced, and a command
//! stays within its bound of events.

mod flow;
use cift_engine::*;
use flow::Flow;

fn drive(seed: u64, count: usize, wild: bool, every: usize) {
    let mut flow = Flow::new(seed);
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let mut sequence = 0;
    let opening = flow.opening();
    let mut last = Command::AdvanceTime;
    for at in 0..opening.len() + count {
        let command = match opening.get(at) {
            Some(command) => *command,
            None if wild => flow.garbage(),
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
            let sound = engine.check_conservation();
            assert_eq!(sound, Ok(()), "seed {seed}, command {at}: {command:?} after {last:?}");
        }
        last = command;
    }
}

#[test]
fn sensible_flow_keeps_the_books_after_every_command() {
    for seed in 20..24 {
        drive(seed, 6_000, false, 1);
    }
}

#[test]
fn garbage_of_every_kind_is_survived() {
    for seed in 40..60 {
        drive(seed, 10_000, true, 7);
    }
}

#[test]
fn a_clock_that_jumps_to_its_ends_is_survived() {
    let mut flow = Flow::new(77);
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let opening = flow.opening();
    for (at, command) in opening.iter().enumerate() {
        engine.apply(at as u64, i64::MIN, command, &mut events);
    }
    for now in [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX, 5] {
        for _ in 0..500 {
            events.clear();
            let command = flow.garbage();
            engine.apply(1, now, &command, &mut events);
            while engine.needs_continue() {
                engine.apply(1, now, &Command::Continue, &mut events);
            }
        }
    }
    assert_eq!(engine.check_conservation(), Ok(()));
}
