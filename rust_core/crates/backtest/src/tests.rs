use super::*;

const CENT: i64 = NANOS / 100;

/// Buys 10 at the first quote, and records what happens.
#[derive(Default)]
struct Buyer {
    limit: Option<Price>,
    next: Vec<Request>,
    placed: bool,
    fills: Vec<(Timestamp, Executed)>,
    ended: Vec<&'static str>,
    bars: Vec<(Timestamp, Bar)>,
    timers: Vec<Timestamp>,
}

impl Strategy<()> for Buyer {
    fn quote(&mut self, _: &Tick) -> Result<(), ()> {
        if !self.placed {
            self.placed = true;
            self.next.push(Request::Place {
                order: 7,
                symbol: 0,
                side: Side::Buy,
                quantity: 10 * NANOS,
                limit: self.limit,
                time_in_force: TimeInForce::Day,
                post_only: false,
            });
        }
        Ok(())
    }
    fn trade(&mut self, _: &Tick) -> Result<(), ()> {
        Ok(())
    }
    fn bar(&mut self, at: Timestamp, bar: &Bar) -> Result<(), ()> {
        self.bars.push((at, *bar));
        Ok(())
    }
    fn fill(&mut self, at: Timestamp, fill: &Executed) -> Result<(), ()> {
        self.fills.push((at, *fill));
        Ok(())
    }
    fn ended(&mut self, _: Timestamp, _: u64, reason: &'static str) -> Result<(), ()> {
        self.ended.push(reason);
        Ok(())
    }
    fn timer(&mut self, at: Timestamp) -> Result<(), ()> {
        self.timers.push(at);
        Ok(())
    }
    fn take_requests(&mut self, to: &mut Vec<Request>) {
        to.append(&mut self.next);
    }
}

fn settings() -> Settings {
    Settings {
        cash: 100_000 * NANOS,
        leverage_percent: 100,
        maker_ppm: 0,
        taker_ppm: 100,
        latency_ns: 0,
        jitter_ns: 0,
        seed: 1,
        sample_ns: 0,
        bar_ns: 0,
        timer_ns: 0,
    }
}

fn quote(at: i64, bid: i64, ask: i64, size: i64) -> Tick {
    let side = |cents: i64| OutsideSide {
        price: cents * CENT,
        quantity: size * NANOS,
    };
    Tick {
        at,
        kind: TickKind::Quote,
        symbol: 0,
        bid: side(bid),
        ask: side(ask),
    }
}

fn trade(at: i64, cents: i64, size: i64) -> Tick {
    Tick {
        kind: TickKind::Trade,
        ask: OutsideSide::default(),
        ..quote(at, cents, 0, size)
    }
}

fn run(ticks: &[Tick], settings: Settings, mut buyer: Buyer) -> Buyer {
    let instruments = [("ABC".to_owned(), CENT, NANOS)];
    let mut backtest = Backtest::new(&instruments, settings).unwrap();
    backtest.run(ticks.iter().copied(), &mut buyer).unwrap();
    buyer
}

#[test]
fn a_market_order_takes_the_quote_that_stands_when_it_arrives() {
    let ticks = [
        quote(0, 1000, 1001, 50),
        quote(100, 1005, 1006, 50),
        quote(200, 1005, 1006, 50),
    ];
    let at_once = run(&ticks, settings(), Buyer::default());
    assert_eq!(at_once.fills[0].1.price, 1001 * CENT);
    // 10 × 10.01 × 0.01 % = 0.01001, rounded up to the cent.
    assert_eq!(at_once.fills[0].1.fee, 2 * CENT);
    let late = Settings {
        latency_ns: 150,
        ..settings()
    };
    let later = run(&ticks, late, Buyer::default());
    assert_eq!((later.fills[0].0, later.fills[0].1.price), (150, 1006 * CENT));
    assert!(!later.fills[0].1.is_maker);
}

#[test]
fn a_limit_order_waits_behind_the_quantity_before_it() {
    let buyer = || Buyer {
        limit: Some(1000 * CENT),
        ..Buyer::default()
    };
    // 50 are before our 10: prints of 45 and 8 leave 3 of our order filled.
    let ticks = [quote(0, 1000, 1001, 50), trade(10, 1000, 45), trade(20, 1000, 8)];
    let filled = run(&ticks, settings(), buyer()).fills;
    assert_eq!(filled.len(), 1);
    assert_eq!((filled[0].1.quantity, filled[0].1.leaves), (3 * NANOS, 7 * NANOS));
    assert!(filled[0].1.is_maker && filled[0].0 == 20);
    // A quote that grows at its price joins the queue behind us.
    let grown = [quote(0, 1000, 1001, 50), quote(5, 1000, 1001, 500), trade(10, 1000, 60)];
    assert_eq!(run(&grown, settings(), buyer()).fills[0].1.leaves, 0);
}

#[test]
fn refusals_are_reported() {
    let poor = Settings {
        cash: NANOS,
        ..settings()
    };
    let ticks = [quote(0, 1000, 1001, 50), quote(1, 1000, 1001, 50)];
    assert_eq!(run(&ticks, poor, Buyer::default()).ended, ["insufficient_buying_power"]);
}

#[test]
fn bars_and_timers_come_in_order_of_time() {
    let timed = Settings {
        bar_ns: 100,
        timer_ns: 100,
        ..settings()
    };
    let ticks = [
        quote(5, 1000, 1001, 50),
        trade(10, 1000, 1),
        trade(90, 1001, 2),
        trade(310, 1002, 3),
    ];
    let seen = run(&ticks, timed, Buyer::default());
    assert_eq!(seen.timers, [100, 200, 300]);
    let (at, bar) = seen.bars[0];
    assert_eq!(
        (seen.bars.len(), at, bar.at, bar.volume, bar.close),
        (1, 100, 0, 3 * NANOS, 1001 * CENT)
    );
}

#[test]
fn a_run_depends_on_its_seed_only() {
    let ticks: Vec<Tick> = (0..500)
        .map(|at| quote(at * 10, 1000 + at % 7, 1002 + at % 7, 50))
        .collect();
    let with = |seed: u64| {
        let jittered = Settings {
            latency_ns: 20,
            jitter_ns: 1_000,
            seed,
            ..settings()
        };
        run(&ticks, jittered, Buyer::default()).fills
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1)[0].0, with(2)[0].0);
}
