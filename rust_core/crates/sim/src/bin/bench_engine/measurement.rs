//! Measures a contestant: a pass for throughput, a pass for latency, medians over the rounds.

use crate::contestants::{Contestant, Traded};
use crate::counters::{ticks, ALLOCATIONS};
use cift_engine::{Command, TimeInForce};
use cift_sim::workload::Stream;
use std::hint::black_box;
use std::sync::atomic::Ordering;
use std::time::Instant;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
    pub(crate) allocations: u64,
    pub(crate) traded: Traded,
    pub(crate) open_orders: usize,
    /// (p50, p99) of adds, cancels and takes.
    pub(crate) classes: [(f64, f64); 3],
}

/// Kind of a command, for the table by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Add,
    Cancel,
    Take,
}

impl Class {
    const ALL: [Class; 3] = [Class::Add, Class::Cancel, Class::Take];
    fn of(command: &Command) -> Class {
        match command {
            Command::CancelOrder { .. } => Class::Cancel,
            Command::PlaceOrder(p) if p.time_in_force == TimeInForce::Ioc => Class::Take,
            _ => Class::Add,
        }
    }
}

pub(crate) struct Setup {
    pub(crate) setup_commands: Stream,
    pub(crate) flow: Stream,
    pub(crate) warm: usize,
    pub(crate) ns_per_tick: f64,
}

/// A throughput pass, then a latency pass, each with a new contestant.
pub(crate) fn measure<C: Contestant>(setup: &Setup, latencies: &mut Vec<u64>, fresh: impl Fn() -> C) -> Figures {
    let first = setup.setup_commands.len() as u64 + 1;
    let (warm, measured) = setup.flow.split_at(setup.warm);
    let mut contestant = fresh();
    let mut traded = Traded::default();
    for (n, (at, command)) in warm.iter().enumerate() {
        traded += contestant.command(first + n as u64, *at, command);
    }
    let (before, start) = (ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
    for (n, (at, command)) in measured.iter().enumerate() {
        traded += contestant.command(first + (warm.len() + n) as u64, *at, command);
    }
    let seconds = start.elapsed().as_secs_f64();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let open_orders = contestant.open_orders();
    drop(contestant);

    let mut contestant = fresh();
    latencies.clear();
    for (n, (at, command)) in warm.iter().enumerate() {
        black_box(contestant.command(first + n as u64, *at, command));
    }
    for (n, (at, command)) in measured.iter().enumerate() {
        // A decoder hands the command over in the cache, not at the end of a gigabyte of flow.
        let command = black_box(*command);
        let start = ticks();
        black_box(contestant.command(first + (warm.len() + n) as u64, *at, &command));
        latencies.push(ticks().saturating_sub(start));
    }
    let at = |sorted: &[u64], share: f64| {
        let index = ((sorted.len() - 1) as f64 * share) as usize;
        sorted[index] as f64 * setup.ns_per_tick
    };
    let classes = Class::ALL.map(|class| {
        let of_class = measured
            .iter()
            .zip(latencies.iter())
            .filter(|((_, command), _)| Class::of(command) == class);
        let mut sorted: Vec<u64> = of_class.map(|(_, latency)| *latency).collect();
        sorted.sort_unstable();
        (at(&sorted, 0.5), at(&sorted, 0.99))
    });
    latencies.sort_unstable();
    let at = |share| at(latencies, share);
    Figures {
        per_second: measured.len() as f64 / seconds,
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1.0),
        allocations,
        traded,
        open_orders,
        classes,
    }
}

pub(crate) fn median(rounds: &[Figures], of: fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn summary(rounds: &[Figures]) -> Figures {
    Figures {
        per_second: median(rounds, |f| f.per_second),
        p50: median(rounds, |f| f.p50),
        p99: median(rounds, |f| f.p99),
        p999: median(rounds, |f| f.p999),
        max: rounds.iter().map(|f| f.max).fold(0.0, f64::max),
        allocations: rounds.iter().map(|f| f.allocations).max().unwrap_or(0),
        traded: rounds[0].traded,
        classes: rounds[rounds.len() / 2].classes,
        open_orders: rounds[0].open_orders,
    }
}
