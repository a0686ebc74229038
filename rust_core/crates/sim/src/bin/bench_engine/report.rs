//! The results of the benchmark as JSON or as text.

use crate::measurement::Figures;
use crate::snapshots::SnapshotFigures;

const TARGET_P99_NS: f64 = 1_000.0;

pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) commands: usize,
    pub(crate) rounds: usize,
    pub(crate) timer_ns: f64,
    pub(crate) accounts: u64,
    /// Name and figures of each contestant: the engine, the engine with request keys, its book, the rival.
    pub(crate) figures: Vec<(&'static str, Figures)>,
    pub(crate) snapshot: SnapshotFigures,
}

/// Which targets were met.
struct Targets {
    p99: bool,
    p99_with_keys: bool,
    no_allocations: bool,
}

impl Report {
    fn targets(&self) -> Targets {
        let (engine, with_keys) = (&self.figures[0].1, &self.figures[1].1);
        Targets {
            p99: engine.p99 < TARGET_P99_NS,
            p99_with_keys: with_keys.p99 < TARGET_P99_NS,
            no_allocations: engine.allocations == 0 && with_keys.allocations == 0,
        }
    }

    pub(crate) fn print_json(&self) {
        let Report {
            seed,
            commands,
            rounds,
            timer_ns,
            snapshot,
            ..
        } = self;
        let Targets {
            p99,
            p99_with_keys,
            no_allocations,
        } = self.targets();
        let contestants: Vec<String> = self
            .figures
            .iter()
            .map(|(name, f)| {
                format!(
                    "{{\"name\":\"{name}\",\"orders_per_second\":{:.0},\"p50_ns\":{:.0},\"p99_ns\":{:.0},\
                     \"p999_ns\":{:.0},\"max_ns\":{:.0},\"allocations\":{}}}",
                    f.per_second, f.p50, f.p99, f.p999, f.max, f.allocations
                )
            })
            .collect();
        println!(
            "{{\"flow\":\"market_maker\",\"seed\":{seed},\"commands\":{commands},\"rounds\":{rounds},\
             \"timer_ns\":{timer_ns:.1},\"lots_traded\":{},\"open_orders_at_end\":{},\"contestants\":[{}],\
             \"snapshot\":{{\"orders\":{},\"bytes\":{},\"write_ms\":{:.2},\"restore_ms\":{:.2}}},\
             \"target\":{{\"p99_below_1us\":{p99},\"p99_below_1us_with_keys\":{p99_with_keys},\"no_allocations\":{no_allocations}}}}}",
            self.figures[0].1.traded.lots,
            self.figures[3].1.open_orders,
            contestants.join(","),
            snapshot.orders,
            snapshot.bytes,
            snapshot.write_ms,
            snapshot.restore_ms
        );
    }

    pub(crate) fn print_text(&self) {
        let Report {
            seed,
            commands,
            rounds,
            timer_ns,
            accounts,
            snapshot,
            ..
        } = self;
        let (engine, rival) = (&self.figures[0].1, &self.figures[3].1);
        let Targets {
            p99,
            p99_with_keys,
            no_allocations,
        } = self.targets();
        println!(
            "Engine alone: market_maker flow (60 % add, 30 % cancel, 10 % take), seed {seed}, {commands} commands,"
        );
        println!(
            "{accounts} accounts, first fifth warms up, median of {rounds} rounds; a timer read costs \
             {timer_ns:.1} ns (not subtracted)."
        );
        println!(
            "{} lots in {} trades by each; {} orders open at the end.\n",
            engine.traded.lots, engine.traded.trades, rival.open_orders
        );
        println!(
            "{:<32}{:>14}{:>9}{:>9}{:>9}{:>11}{:>13}",
            "", "orders/s", "p50 ns", "p99 ns", "p99.9", "max", "allocations"
        );
        for (name, f) in &self.figures {
            println!(
                "{name:<32}{:>14.0}{:>9.0}{:>9.0}{:>9.0}{:>11.0}{:>13}",
                f.per_second, f.p50, f.p99, f.p999, f.max, f.allocations
            );
        }
        println!(
            "\nSnapshot of {} open orders: {} bytes ({:.1} per order), written in {:.2} ms, restored in {:.2} ms.",
            snapshot.orders,
            snapshot.bytes,
            snapshot.bytes as f64 / snapshot.orders as f64,
            snapshot.write_ms,
            snapshot.restore_ms
        );
        println!("\nBy kind of command, p50 / p99 ns (one round):");
        for (name, f) in &self.figures {
            let [add, cancel, take] = f.classes.map(|(p50, p99)| format!("{p50:.0} / {p99:.0}"));
            println!("{name:<32} add {add:>11}   cancel {cancel:>11}   take {take:>11}");
        }
        let verdict = |met: bool| if met { "met" } else { "MISSED" };
        println!("\ntarget: p99 < 1 µs with risk on: {}", verdict(p99));
        println!("target: the same with request keys too: {}", verdict(p99_with_keys));
        println!(
            "target: no allocation after warm-up with risk on: {}",
            verdict(no_allocations)
        );
    }
}
