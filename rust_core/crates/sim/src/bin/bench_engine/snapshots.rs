//! Size and speed of a snapshot with many open orders.

use crate::contestants::{Contestant, FullEngine};
use cift_engine::{Command, Engine, Side, TimeInForce};
use cift_sim::workload::{market_maker, MarketMaker};
use std::hint::black_box;
use std::time::Instant;

const ACCOUNTS: u64 = 64;
const TICK: i64 = 10_000_000;
const SNAPSHOT_ORDERS: usize = 100_000;

pub(crate) struct SnapshotFigures {
    pub(crate) orders: usize,
    pub(crate) bytes: usize,
    pub(crate) write_ms: f64,
    pub(crate) restore_ms: f64,
}

/// Measures an engine with exactly 100,000 resting orders of 64 accounts.
pub(crate) fn snapshot(seed: u64) -> SnapshotFigures {
    let (setup, flow) = market_maker(MarketMaker {
        accounts: ACCOUNTS,
        commands: SNAPSHOT_ORDERS * 2,
        seed,
        keys: false,
    });
    let mut full = FullEngine::new(&setup);
    let (mut sequence, mut open) = (setup.len() as u64, 0);
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
        full.command(sequence, *at, &Command::PlaceOrder(p));
        open += 1;
    }
    assert_eq!((open, full.refused), (SNAPSHOT_ORDERS, 0));
    let mut bytes = Vec::new();
    full.engine.snapshot(&mut bytes);
    bytes.clear();
    let start = Instant::now();
    full.engine.snapshot(&mut bytes);
    let write_ms = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let restored = Engine::restore(&bytes).expect("the engine restores its own snapshot");
    let restore_ms = start.elapsed().as_secs_f64() * 1e3;
    black_box(&restored);
    SnapshotFigures {
        orders: open,
        bytes: bytes.len(),
        write_ms,
        restore_ms,
    }
}
