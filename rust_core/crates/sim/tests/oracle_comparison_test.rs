//! Engine and oracle give the same results on seeded streams.
//!
//! `CIFT_SIM_COMMANDS` is the number of commands in all (default 1,000,000; `make test-long` runs
//! 10,000,000), `CIFT_SIM_SEED` the first seed. A failure prints the profile, the seed and the shortest failing
//! list of commands that was found.

use cift_sim::compare::{compare_profile, Totals};
use cift_sim::workload::Profile;

const DEFAULT_COMMANDS: usize = 1_000_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number"))
    })
}

/// Streams are short, so that many different beginnings are tested. Sweeps need longer ones to build up a
/// book.
fn compare_streams(profile: Profile, share_permille: usize, stream: usize) {
    let commands = setting("CIFT_SIM_COMMANDS", DEFAULT_COMMANDS as u64) as usize * share_permille / 1_000;
    let first = setting("CIFT_SIM_SEED", 1);
    let mut sum = Totals::default();
    for seed in first..first + (commands / stream).max(1) as u64 {
        let totals = compare_profile(profile, seed, stream).unwrap_or_else(|why| panic!("{why}"));
        sum.commands += totals.commands;
        sum.events += totals.events;
        sum.trades += totals.trades;
        sum.refusals += totals.refusals;
        sum.continues += totals.continues;
        sum.restores += totals.restores;
    }
    println!("{}: {sum:?}", profile.name());
    assert!(
        sum.trades > 0 && sum.refusals > 0 && sum.restores > 0,
        "the streams have no trade, no refusal or no restore"
    );
    assert!(
        profile != Profile::Sweep || sum.continues > 0,
        "no sweep needed a Continue"
    );
}

#[test]
fn retail_flow_gives_the_same_events() {
    compare_streams(Profile::Retail, 370, 6_000);
}
#[test]
fn hostile_flow_gives_the_same_events() {
    compare_streams(Profile::Hostile, 330, 3_000);
}
#[test]
fn outside_market_gives_the_same_events() {
    compare_streams(Profile::Outside, 200, 4_000);
}
#[test]
fn sweeps_split_into_continues_give_the_same_events() {
    compare_streams(Profile::Sweep, 25, 12_000);
}
#[test]
fn quantities_at_the_bounds_give_the_same_events() {
    compare_streams(Profile::Whale, 75, 2_000);
}
