//! `cift-bench-engine`: the engine alone, on the seeded `market_maker` flow, beside a plain rival.
//!
//! ```text
//! cargo run --release -p cift-sim --bin cift-bench-engine -- [--commands N] [--rounds N] [--seed N] [--json]
//! ```
//!
//! Contestants, all fed the same flow in the same process, each round in turn:
//! - `engine, risk on`: `Engine::apply` whole: every check with finite limits, ledger, events, levels;
//! - `engine, risk on, request keys`: the same, each command with an idempotency key (as through the doors);
//! - `engine's book, no risk`: `cift_engine::book::Book` behind a std `HashMap` of ids: matching alone.
//!   The engine has no switch that turns risk off, and none is wanted; this is what "without risk" means here;
//! - `BTreeMap rival`: [`cift_sim::rival::RivalBook`], matching alone.
//!
//! All must make the same trades, which is asserted: nobody is fast by doing less.
//! The first fifth of the flow warms up. Throughput is measured in a pass without timers; latency in a pass
//! of its own with one timer read around each command (time stamp counter where there is one; its own cost
//! is printed and not subtracted). There the command is copied before the timer starts, as a decoder would
//! have just written it: no contestant pays for reading the flow from memory. Figures are medians over the
//! rounds; `max` is the largest seen. Room is made beforehand for 16,384 open orders (the flow keeps some
//! hundreds), 2,097,152 request keys and 4,096 prices a side, for the engine and for its book alone.
//! Allocations are counted by this binary's global allocator, in the throughput pass after the warm-up.

mod contestants;
mod counters;
mod measurement;
mod snapshots;

use cift_sim::workload::{market_maker, MarketMaker};
use contestants::{BookOnly, Rival, Whole};
use counters::calibrate;
use measurement::{measure, summary, Figures, Setup};
use snapshots::snapshot;

const ACCOUNTS: u64 = 64;
const WANTED_P99_NS: f64 = 1_000.0;

fn argument(name: &str, default: usize) -> usize {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|a| a == name) {
        None => default,
        Some(i) => match arguments.get(i + 1).and_then(|text| text.parse().ok()) {
            Some(value) => value,
            None => {
                eprintln!("{name} wants a number");
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
        let (opening, flow) = market_maker(MarketMaker {
            accounts: ACCOUNTS,
            commands,
            seed,
            keys,
        });
        Setup {
            warm: flow.len() / 5,
            opening,
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
        results[0].push(measure(&plain, &mut latencies, || Whole::new(&plain.opening)));
        results[1].push(measure(&keyed, &mut latencies, || Whole::new(&keyed.opening)));
        results[2].push(measure(&plain, &mut latencies, BookOnly::new));
        results[3].push(measure(&plain, &mut latencies, Rival::default));
    }
    let figures: Vec<Figures> = results.iter().map(|rounds| summary(rounds)).collect();
    for other in [1, 2, 3] {
        assert_eq!(
            figures[0].traded, figures[other].traded,
            "{} traded otherwise",
            names[other]
        );
    }
    let snapshot = snapshot(seed);
    let [p99_met, p99_met_with_keys] = [0, 1].map(|at| figures[at].p99 < WANTED_P99_NS);
    let allocations_met = figures[0].allocations == 0 && figures[1].allocations == 0;

    if json {
        let contestants: Vec<String> = names
            .iter()
            .zip(&figures)
            .map(|(name, f)| {
                format!(
                    "{{\"name\":\"{name}\",\"orders_per_second\":{:.0},\"p50_ns\":{:.0},\"p99_ns\":{:.0},\"p999_ns\":{:.0},\"max_ns\":{:.0},\"allocations\":{}}}",
                    f.per_second, f.p50, f.p99, f.p999, f.max, f.allocations
                )
            })
            .collect();
        println!(
            "{{\"flow\":\"market_maker\",\"seed\":{seed},\"commands\":{commands},\"rounds\":{rounds},\"timer_ns\":{timer_ns:.1},\"lots_traded\":{},\"open_orders_at_end\":{},\"contestants\":[{}],\"snapshot\":{{\"orders\":{},\"bytes\":{},\"write_ms\":{:.2},\"restore_ms\":{:.2}}},\"wanted\":{{\"p99_below_1us\":{p99_met},\"p99_below_1us_with_keys\":{p99_met_with_keys},\"no_allocations\":{allocations_met}}}}}",
            figures[0].traded.lots, figures[3].open_orders, contestants.join(","), snapshot.orders, snapshot.bytes, snapshot.write_ms, snapshot.restore_ms
        );
        return;
    }
    println!("Engine alone: market_maker flow (60 % add, 30 % cancel, 10 % take), seed {seed}, {commands} commands,");
    println!("{ACCOUNTS} accounts, first fifth warms up, median of {rounds} rounds; a timer read costs {timer_ns:.1} ns (not subtracted).");
    println!(
        "{} lots in {} trades by each; {} orders open at the end.\n",
        figures[0].traded.lots, figures[0].traded.trades, figures[3].open_orders
    );
    println!(
        "{:<32}{:>14}{:>9}{:>9}{:>9}{:>11}{:>13}",
        "", "orders/s", "p50 ns", "p99 ns", "p99.9", "max", "allocations"
    );
    for (name, f) in names.iter().zip(&figures) {
        println!(
            "{name:<32}{:>14.0}{:>9.0}{:>9.0}{:>9.0}{:>11.0}{:>13}",
            f.per_second, f.p50, f.p99, f.p999, f.max, f.allocations
        );
    }
    println!(
        "\nSnapshot of {} open orders: {} bytes ({:.1} an order), written in {:.2} ms, restored in {:.2} ms.",
        snapshot.orders,
        snapshot.bytes,
        snapshot.bytes as f64 / snapshot.orders as f64,
        snapshot.write_ms,
        snapshot.restore_ms
    );
    println!("\nBy kind of command, p50 / p99 ns (one round):");
    for (name, f) in names.iter().zip(&figures) {
        let [add, cancel, take] = f.classes.map(|(p50, p99)| format!("{p50:.0} / {p99:.0}"));
        println!("{name:<32} add {add:>11}   cancel {cancel:>11}   take {take:>11}");
    }
    let verdict = |met: bool| if met { "met" } else { "MISSED" };
    println!("\nwanted: p99 < 1 µs with risk on: {}", verdict(p99_met));
    println!("wanted: the same with request keys too: {}", verdict(p99_met_with_keys));
    println!(
        "wanted: no allocation after warm-up with risk on: {}",
        verdict(allocations_met)
    );
}
