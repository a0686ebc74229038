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
//! is printed and not subtracted). Figures are medians over the rounds; `max` is the largest seen.
//! Allocations are counted by this binary's global allocator, in the throughput pass after the warm-up.

use cift_engine::book::{Book, Handle};
use cift_engine::{Command, Engine, Event, Outcome, Side, TimeInForce};
use cift_sim::rival::RivalBook;
use cift_sim::workload::{market_maker, MarketMaker, Stream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const ACCOUNTS: u64 = 64;
const TICK: i64 = 10_000_000;
const LOT: i64 = 1_000_000_000;
const SNAPSHOT_ORDERS: usize = 100_000;
const WANTED_P99_NS: f64 = 1_000.0;

/// Counts what the hot path asks of the system allocator.
struct Counting;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to `System` unchanged; the counter has no influence on what is returned.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

#[cfg(target_arch = "x86_64")]
fn ticks() -> u64 {
    // SAFETY: reads a counter; present on every x86-64 processor.
    unsafe { core::arch::x86_64::_rdtsc() }
}
#[cfg(not(target_arch = "x86_64"))]
fn ticks() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Nanoseconds of one tick, and the median cost of reading the timer, in nanoseconds.
fn calibrate() -> (f64, f64) {
    let (wall, start) = (Instant::now(), ticks());
    while wall.elapsed().as_millis() < 200 {
        std::hint::spin_loop();
    }
    let per_tick = wall.elapsed().as_nanos() as f64 / (ticks() - start) as f64;
    let mut costs: Vec<u64> = (0..10_001).map(|_| ticks().abs_diff(ticks())).collect();
    costs.sort_unstable();
    (per_tick, costs[costs.len() / 2] as f64 * per_tick)
}

/// What a command traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Traded {
    trades: u64,
    lots: i64,
}

impl std::ops::AddAssign for Traded {
    fn add_assign(&mut self, other: Traded) {
        self.trades += other.trades;
        self.lots += other.lots;
    }
}

/// One who takes commands.
trait Contestant {
    fn command(&mut self, sequence: u64, at: i64, command: &Command) -> Traded;
    fn open_orders(&self) -> usize;
}

struct Whole {
    engine: Engine,
    events: Vec<Event>,
    refused: u64,
    open: usize,
}

impl Whole {
    fn new(opening: &Stream) -> Whole {
        let mut engine = Engine::new();
        engine.warm_up(1 << 17, 1 << 21);
        let mut whole = Whole {
            engine,
            events: Vec::with_capacity(2_048),
            refused: 0,
            open: 0,
        };
        for (n, (at, command)) in opening.iter().enumerate() {
            whole.command(n as u64 + 1, *at, command);
        }
        assert_eq!(whole.refused, 0, "the opening must be admitted whole");
        whole
    }
}

impl Contestant for Whole {
    #[inline(never)]
    fn command(&mut self, sequence: u64, at: i64, command: &Command) -> Traded {
        self.events.clear();
        let outcome = self.engine.apply(sequence, at, command, &mut self.events);
        assert!(!self.engine.needs_continue(), "the flow has no command that large");
        if let Outcome::Refused(_) = outcome {
            self.refused += u64::from(matches!(command, Command::PlaceOrder(_)));
        }
        let mut traded = Traded::default();
        for event in &self.events {
            if let Event::TradeExecuted { quantity, .. } = event {
                traded += Traded {
                    trades: 1,
                    lots: quantity / LOT,
                };
            }
        }
        traded
    }
    fn open_orders(&self) -> usize {
        self.open
    }
}

struct BookOnly {
    book: Book,
    ids: HashMap<u128, (u32, Handle)>,
    owners: Vec<u128>,
    free: Vec<u32>,
    trades: Vec<cift_engine::book::Trade>,
}

impl Contestant for BookOnly {
    #[inline(never)]
    fn command(&mut self, _: u64, _: i64, command: &Command) -> Traded {
        match command {
            Command::PlaceOrder(p) => {
                self.trades.clear();
                let (price, quantity) = (p.limit_price.unwrap_or(0) / TICK, p.quantity / LOT);
                let trades = &mut self.trades;
                let left = self
                    .book
                    .take(p.side, Some(price), quantity, |trade| trades.push(trade));
                let mut traded = Traded::default();
                for trade in &self.trades {
                    traded += Traded {
                        trades: 1,
                        lots: trade.quantity,
                    };
                    if trade.done {
                        self.ids.remove(&self.owners[trade.owner as usize]);
                        self.free.push(trade.owner);
                    }
                }
                if left > 0 && p.time_in_force == TimeInForce::Gtc {
                    let owner = self.free.pop().unwrap_or_else(|| {
                        self.owners.push(0);
                        self.owners.len() as u32 - 1
                    });
                    self.owners[owner as usize] = p.order.0;
                    let handle = self.book.add(p.side, price, left, owner);
                    self.ids.insert(p.order.0, (owner, handle));
                }
                traded
            }
            Command::CancelOrder { order, .. } => {
                if let Some((owner, handle)) = self.ids.remove(&order.0) {
                    self.book.cancel(handle);
                    self.free.push(owner);
                }
                Traded::default()
            }
            _ => Traded::default(),
        }
    }
    fn open_orders(&self) -> usize {
        self.book.orders(Side::Buy) + self.book.orders(Side::Sell)
    }
}

#[derive(Default)]
struct Rival {
    book: RivalBook,
    trades: Vec<cift_sim::rival::RivalTrade>,
}

impl Contestant for Rival {
    #[inline(never)]
    fn command(&mut self, _: u64, _: i64, command: &Command) -> Traded {
        match command {
            Command::PlaceOrder(p) => {
                self.trades.clear();
                let (price, lots) = (p.limit_price.unwrap_or(0) / TICK, p.quantity / LOT);
                let rests = p.time_in_force == TimeInForce::Gtc;
                self.book.place(p.order, p.side, price, lots, rests, &mut self.trades);
                let lots = self.trades.iter().map(|trade| trade.lots).sum();
                Traded {
                    trades: self.trades.len() as u64,
                    lots,
                }
            }
            Command::CancelOrder { order, .. } => {
                black_box(self.book.cancel(*order));
                Traded::default()
            }
            _ => Traded::default(),
        }
    }
    fn open_orders(&self) -> usize {
        self.book.len()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    per_second: f64,
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
    allocations: u64,
    traded: Traded,
    open_orders: usize,
    /// (p50, p99) of adds, cancels and takes.
    classes: [(f64, f64); 3],
}

/// What a command of the flow is; for the table of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
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

struct Setup {
    opening: Stream,
    flow: Stream,
    warm: usize,
    ns_per_tick: f64,
}

/// Throughput pass, then latency pass, each with a fresh contestant.
fn measure<C: Contestant>(setup: &Setup, latencies: &mut Vec<u64>, fresh: impl Fn() -> C) -> Figures {
    let first = setup.opening.len() as u64 + 1;
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
        let start = ticks();
        black_box(contestant.command(first + (warm.len() + n) as u64, *at, command));
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

fn median(rounds: &[Figures], of: fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn summary(rounds: &[Figures]) -> Figures {
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

struct SnapshotFigures {
    orders: usize,
    bytes: usize,
    write_ms: f64,
    restore_ms: f64,
}

/// An engine with exactly 100,000 resting orders of 64 accounts.
fn snapshot(seed: u64) -> SnapshotFigures {
    let (opening, flow) = market_maker(MarketMaker {
        accounts: ACCOUNTS,
        commands: SNAPSHOT_ORDERS * 2,
        seed,
        keys: false,
    });
    let mut whole = Whole::new(&opening);
    let (mut sequence, mut open) = (opening.len() as u64, 0);
    for (at, command) in &flow {
        let Command::PlaceOrder(mut p) = *command else { continue };
        if open == SNAPSHOT_ORDERS || p.time_in_force != TimeInForce::Gtc {
            continue;
        }
        // Each side on its own half of the prices, so that all of them rest.
        let away = (open % 400) as i64 * TICK;
        p.limit_price = Some(if p.side == Side::Buy {
            9_900 * TICK - away
        } else {
            10_100 * TICK + away
        });
        sequence += 1;
        whole.command(sequence, *at, &Command::PlaceOrder(p));
        open += 1;
    }
    assert_eq!((open, whole.refused), (SNAPSHOT_ORDERS, 0));
    let mut bytes = Vec::new();
    whole.engine.snapshot(&mut bytes);
    bytes.clear();
    let start = Instant::now();
    whole.engine.snapshot(&mut bytes);
    let write_ms = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let restored = Engine::restore(&bytes).expect("an engine reads its own snapshot");
    let restore_ms = start.elapsed().as_secs_f64() * 1e3;
    black_box(&restored);
    SnapshotFigures {
        orders: open,
        bytes: bytes.len(),
        write_ms,
        restore_ms,
    }
}

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
        results[2].push(measure(&plain, &mut latencies, || BookOnly {
            book: Book::new(),
            ids: HashMap::new(),
            owners: Vec::new(),
            free: Vec::new(),
            trades: Vec::with_capacity(2_048),
        }));
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
    let p99_met = figures[0].p99 < WANTED_P99_NS && figures[1].p99 < WANTED_P99_NS;
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
            "{{\"flow\":\"market_maker\",\"seed\":{seed},\"commands\":{commands},\"rounds\":{rounds},\"timer_ns\":{timer_ns:.1},\"lots_traded\":{},\"open_orders_at_end\":{},\"contestants\":[{}],\"snapshot\":{{\"orders\":{},\"bytes\":{},\"write_ms\":{:.2},\"restore_ms\":{:.2}}},\"wanted\":{{\"p99_below_1us\":{p99_met},\"no_allocations\":{allocations_met}}}}}",
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
    println!(
        "wanted: no allocation after warm-up with risk on: {}",
        verdict(allocations_met)
    );
}
