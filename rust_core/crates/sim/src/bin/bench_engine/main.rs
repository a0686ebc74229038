//! `cift-bench-engine`: the engine alone, on the seeded `market_maker` flow, compared with a simple rival.
//!
//! ```text
//! cargo run --release -p cift-sim --bin cift-bench-engine -- [--commands N] [--rounds N] [--seed N] [--json]
//! ```
//!
//! Contestants. All get the same flow in the same process, in turn within each round:
//! - `engine, risk on`: `Engine::apply` with every check at finite limits, ledger, events and levels;
//! - `engine, risk on, request keys`: the same, each command with an idempotency key (like those of our
//!   HTTP functions);
//! - `engine's book, no risk`: `cift_engine::book::Book` behind a std `HashMap` of ids: matching alone. The
//!   engine has no switch that turns risk off, and none is wanted; this is what "without risk" means here;
//! - `BTreeMap rival`: [`cift_sim::rival::RivalBook`], matching alone.
//!
//! All must make the same trades. The benchmark asserts it, so no contestant can be fast by doing less.
//!
//! The first fifth of the flow warms up. Throughput is measured in a pass without timers. Latency is
//! measured in a separate pass with one timer read around each command (the time stamp counter where there
//! is one). The cost of the timer is printed and not subtracted. In that pass each command is copied before
//! the timer starts, as a decoder would have just written it; so no contestant pays for reading the flow
//! from memory. Figures are medians over the rounds; `max` is the largest value seen.
//!
//! Capacity is allocated in advance for 16,384 open orders (the flow keeps some hundreds), 2,097,152
//! request keys and 4,096 prices per side, for the engine and for its book alone. This binary's global
//! allocator counts allocations in the throughput pass after the warm-up.

mod contestants;
mod counters;
mod measurement;
mod report;
mod snapshots;

use cift_sim::workload::{market_maker, MarketMaker};
use contestants::{BookOnly, FullEngine, Rival};
use counters::calibrate;
use measurement::{measure, summary, Figures, Setup};
use report::Report;
use snapshots::snapshot;

const ACCOUNTS: u64 = 64;

fn argument(name: &str, default: usize) -> usize {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|a| a == name) {
        None => default,
        Some(i) => match arguments.get(i + 1).and_then(|text| text.parse().ok()) {
            Some(value) => value,
            None => {
                eprintln!("{name} needs a number");
                std::process::exit(2);
            }
        },
    }
}

fn main() {
    let commands = argument("--commands", 1_000_000).max(1_000);
    let rounds = argument("--rounds", 3).max(1);
    let seed = argument("--seed", 1) as u64;
    let json = std::env::args().any(|a| a == "--json");
    let (ns_per_tick, timer_ns) = calibrate();
    let setup = |keys| {
        let (setup_commands, flow) = market_maker(MarketMaker {
            accounts: ACCOUNTS,
            commands,
            seed,
            keys,
        });
        Setup {
            warm: flow.len() / 5,
            setup_commands,
            flow,
            ns_per_tick,
        }
    };
    let (plain, keyed) = (setup(false), setup(true));
    let names = [
        "engine, risk on",
        "engine, risk on, request keys",
        "engine's book, no risk",
        "BTreeMap rival, no risk",
    ];
    let mut results: [Vec<Figures>; 4] = Default::default();
    let mut latencies = Vec::with_capacity(commands);
    for _ in 0..rounds {
        results[0].push(measure(&plain, &mut latencies, || {
            FullEngine::new(&plain.setup_commands)
        }));
        results[1].push(measure(&keyed, &mut latencies, || {
            FullEngine::new(&keyed.setup_commands)
        }));
        results[2].push(measure(&plain, &mut latencies, BookOnly::new));
        results[3].push(measure(&plain, &mut latencies, Rival::default));
    }
    let figures: Vec<Figures> = results.iter().map(|rounds| summary(rounds)).collect();
    for other in [1, 2, 3] {
        assert_eq!(
            figures[0].traded, figures[other].traded,
            "{} made other trades than the engine",
            names[other]
        );
    }
    let report = Report {
        seed,
        commands,
        rounds,
        timer_ns,
        accounts: ACCOUNTS,
        figures: names.into_iter().zip(figures).collect(),
        snapshot: snapshot(seed),
    };
    if json {
        report.print_json();
    } else {
        report.print_text();
    }
}
