//! The engine says and does what the oracle says and does, on seeded streams.
//!
//! `CIFT_SIM_COMMANDS` = commands in all (default 4,000,000), `CIFT_SIM_SEED` = first seed. A failure prints
//! profile, seed and the shortest list of commands found that still fails.

use cift_sim::compare::{duel, Tally};
use cift_sim::workload::Profile;

const DEFAULT_COMMANDS: usize = 4_000_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number"))
    })
}

/// Streams are short, so that many different beginnings are seen; sweeps need length to build up.
fn soak(profile: Profile, share_permille: usize, stream: usize) {
    let commands = setting("CIFT_SIM_COMMANDS", DEFAULT_COMMANDS as u64) as usize * share_permille / 1_000;
    let first = setting("CIFT_SIM_SEED", 1);
    let mut sum = Tally::default();
    for seed in first..first + (commands / stream).max(1) as u64 {
        let tally = duel(profile, seed, stream).unwrap_or_else(|why| panic!("{why}"));
        sum.commands += tally.commands;
        sum.events += tally.events;
        sum.trades += tally.trades;
        sum.refusals += tally.refusals;
        sum.continues += tally.continues;
        sum.restores += tally.restores;
    }
    println!("{}: {sum:?}", profile.name());
    assert!(
        sum.trades > 0 && sum.refusals > 0 && sum.restores > 0,
        "a stream that proves nothing"
    );
    assert!(
        profile != Profile::Sweep || sum.continues > 0,
        "the sweeps were never cut"
    );
}

#[test]
fn retail_flow_gives_the_same_events() {
    soak(Profile::Retail, 370, 6_000);
}
#[test]
fn hostile_flow_gives_the_same_events() {
    soak(Profile::Hostile, 330, 3_000);
}
#[test]
fn outside_market_gives_the_same_events() {
    soak(Profile::Outside, 200, 4_000);
}
#[test]
fn sweeps_cut_into_continues_give_the_same_events() {
    soak(Profile::Sweep, 25, 12_000);
}
#[test]
fn whales_at_the_bounds_give_the_same_events() {
    soak(Profile::Whale, 75, 2_000);
}
