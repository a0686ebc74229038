//! The same commands give the same events and the same bytes, on two runs and after restarts in the middle.
//! The sources use nothing that could change that.

mod flow;
use cift_engine::*;
use flow::Flow;

/// Sources of time, randomness, floats and hash order, and `unsafe`.
const FORBIDDEN: &[&str] = &[
    "f32",
    "f64",
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "std::time",
    "rand",
    "std::env",
    "std::fs",
    "std::net",
    "std::thread",
    "unsafe",
];

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
}

#[test]
fn the_sources_use_nothing_that_is_not_deterministic() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut files = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        files += 1;
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            for token in FORBIDDEN {
                let named = words(code).any(|word| {
                    word == *token
                        || word.split("::").any(|part| part == *token)
                        || (token.contains("::") && word.starts_with(token))
                });
                assert!(!named, "{}:{}: {token}", path.display(), number + 1);
            }
        }
    }
    assert!(files > 15, "the sources were not found");
    assert!(std::fs::read_to_string(format!("{root}/lib.rs"))
        .unwrap()
        .contains("#![forbid(unsafe_code)]"));
}

#[test]
fn the_engine_depends_on_nothing() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    assert!(
        dependencies
            .lines()
            .all(|line| line.trim().is_empty() || line.starts_with('#')),
        "{dependencies}"
    );
}

/// Applies the commands. With `restart: Some(n)`, the engine is replaced by its restored snapshot after
/// every n commands. Returns events, outcomes, the final snapshot and the number of `Continue`s.
fn run(commands: &[(Timestamp, Command)], restart: Option<usize>) -> (Vec<Event>, Vec<Outcome>, Vec<u8>, u64) {
    let mut engine = Engine::new();
    let (mut events, mut outcomes) = (Vec::new(), Vec::new());
    let (mut sequence, mut continued) = (0, 0);
    for (at, (now, command)) in commands.iter().enumerate() {
        sequence += 1;
        let mut outcome = engine.apply(sequence, *now, command, &mut events);
        while engine.needs_continue() {
            sequence += 1;
            continued += 1;
            outcome = engine.apply(sequence, *now, &Command::Continue, &mut events);
        }
        outcomes.push(outcome);
        if restart.is_some_and(|every| at % every == every - 1) {
            let mut bytes = Vec::new();
            engine.snapshot(&mut bytes);
            engine = Engine::restore(&bytes).expect("the engine restores its own snapshot");
            let mut again = Vec::new();
            engine.snapshot(&mut again);
            assert!(bytes == again, "restored at {at}, the snapshot differs");
        }
    }
    let mut bytes = Vec::new();
    engine.snapshot(&mut bytes);
    (events, outcomes, bytes, continued)
}

fn commands(seed: u64, count: usize) -> Vec<(Timestamp, Command)> {
    let mut flow = Flow::new(seed);
    let mut commands: Vec<_> = flow.setup().into_iter().map(|command| (flow.now, command)).collect();
    for _ in 0..count {
        let command = flow.next();
        commands.push((flow.now, command));
    }
    commands
}

#[test]
fn the_same_commands_give_the_same_bytes_with_and_without_restarts() {
    for seed in 1..=4 {
        let commands = commands(seed, 20_000);
        let first = run(&commands, None);
        let second = run(&commands, None);
        assert!(first == second, "seed {seed}: two runs differ");
        let restarted = run(&commands, Some(997));
        assert!(first.0 == restarted.0, "seed {seed}: events differ after a restart");
        assert!(first.1 == restarted.1, "seed {seed}: outcomes differ after a restart");
        assert!(first.2 == restarted.2, "seed {seed}: snapshots differ after a restart");
    }
}

#[test]
fn every_kind_of_event_and_most_refusals_occur_in_the_flow() {
    let mut kinds = std::collections::BTreeSet::new();
    let mut refusals = std::collections::BTreeSet::new();
    let mut reasons = std::collections::BTreeSet::new();
    let mut trades = 0;
    for seed in 1..=4 {
        let (events, ..) = run(&commands(seed, 20_000), None);
        for event in &events {
            let text = format!("{event:?}");
            kinds.insert(text.split([' ', '(', '{']).next().unwrap().to_string());
            match event {
                Event::Refused { reason } => {
                    refusals.insert(reason.as_str());
                }
                Event::OrderClosed { reason, .. } => {
                    reasons.insert(reason.as_str());
                }
                Event::TradeExecuted { .. } => trades += 1,
                _ => {}
            }
        }
    }
    println!(
        "{trades} trades, {} events, {} refusals {refusals:?}, {reasons:?}",
        kinds.len(),
        refusals.len()
    );
    assert!(trades > 5_000, "{trades} trades");
    assert!(kinds.len() == 26, "{kinds:?}");
    assert!(refusals.len() >= 30, "{} {refusals:?}", refusals.len());
    assert!(reasons.len() >= 13, "{reasons:?}");
}

#[test]
fn a_damaged_snapshot_is_refused_without_a_panic() {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    for (at, (now, command)) in commands(9, 3_000).iter().enumerate() {
        engine.apply(at as u64, *now, command, &mut events);
        while engine.needs_continue() {
            engine.apply(at as u64, *now, &Command::Continue, &mut events);
        }
    }
    let mut bytes = Vec::new();
    engine.snapshot(&mut bytes);
    assert!(Engine::restore(&bytes).is_ok());
    for length in (0..bytes.len()).step_by(997) {
        assert!(Engine::restore(&bytes[..length]).is_err());
    }
    for at in (0..bytes.len()).step_by(499) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Engine::restore(&damaged).is_err(), "byte {at}");
    }
}
