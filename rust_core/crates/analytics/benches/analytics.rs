//! Measures the analytics in Rust, without Python: `cargo bench -p cift-analytics`.
//!
//! Prints one line per figure: its name, the best of many short runs in ns, and the target. It does not fail.

use std::hint::black_box;
use std::time::Instant;

use cift_analytics::market::order_flow::{ofi, Quotes};
use cift_analytics::market::prices::vwap;
use cift_analytics::risk::limits::{Limits, RiskBook};
use cift_analytics::risk::value_at_risk::historical;

/// Many short runs, because on a busy machine the scheduler interrupts nearly every long one.
const RUNS: usize = 100;

/// The best of the runs, in ns per call.
fn best_ns(calls: u32, mut call: impl FnMut(u32)) -> f64 {
    let run = |call: &mut dyn FnMut(u32)| {
        let start = Instant::now();
        (0..calls).for_each(call);
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    (0..RUNS).map(|_| run(&mut call)).fold(f64::INFINITY, f64::min)
}

fn print_figure(name: &str, ns: f64, target: &str) {
    println!("{name:<44} {ns:>10.1} ns   {target}");
}

/// Deterministic numbers in 0..1 from a 64-bit LCG, so that the bench needs no dependency.
fn numbers(count: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

fn main() {
    const POINTS: usize = 1_000;
    let prices: Vec<f64> = numbers(POINTS, 1).iter().map(|x| 100.0 + x).collect();
    let volumes: Vec<f64> = numbers(POINTS, 2).iter().map(|x| 1.0 + 100.0 * x).collect();
    let asks: Vec<f64> = prices.iter().map(|x| x + 0.01).collect();
    println!("cift-analytics, {POINTS} points, best of {RUNS}");

    let ns = best_ns(5_000, |_| {
        black_box(vwap(black_box(&prices), black_box(&volumes))).ok();
    });
    print_figure("VWAP", ns, "target < 150 ns");

    let quotes = Quotes {
        bids: &prices,
        bid_sizes: &volumes,
        asks: &asks,
        ask_sizes: &volumes,
    };
    let ns = best_ns(2_000, |_| {
        black_box(ofi(black_box(&quotes))).ok();
    });
    print_figure("OFI", ns, "");

    let mut book = RiskBook::new();
    let limits = Limits {
        max_order_quantity: 1e4,
        max_order_notional: 1e6,
        max_position: 1e5,
        max_leverage: 4.0,
        max_daily_loss: 1e4,
        price_band: 0.1,
    };
    let accounts: Vec<u32> = (0..1_000).filter_map(|_| book.add_account(1e6, limits)).collect();
    let symbols: Vec<u32> = (0..16).filter_map(|_| book.add_symbol()).collect();
    for &symbol in &symbols {
        book.set_mark(symbol, 100.0);
        for &account in &accounts {
            book.fill(account, symbol, 10.0, 100.0, 0.0);
        }
    }
    let mut admitted = 0u64;
    let ns = best_ns(50_000, |i| {
        let (account, symbol) = (accounts[i as usize * 7 % 1_000], symbols[i as usize % 16]);
        let verdict = book.check(account, symbol, i % 3 == 0, f64::from(i % 100 + 1), 100.5);
        admitted += u64::from(verdict as u8 == 0);
    });
    black_box(admitted);
    print_figure("risk check, 1,000 accounts × 16 positions", ns, "target < 100 ns");

    let returns: Vec<f64> = numbers(10_000, 3).iter().map(|x| x - 0.5).collect();
    let ns = best_ns(50, |_| {
        black_box(historical(&mut returns.clone(), 0.99));
    });
    print_figure("historical VaR and ES, 10,000 returns", ns, "");
}
